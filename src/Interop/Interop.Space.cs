using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>fallocate, ftruncate, fstatvfs and getrlimit, as the system has them: no policy, errno for an answer.</summary>
internal static unsafe partial class FileSpace
{
    internal const int KeepSize = 1;
    internal const int PunchHole = 2;

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Allocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    internal static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fstatvfs", SetLastError = true)]
    internal static partial int Statistics(int descriptor, FileSystemStatistics* statistics);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetLimit(int resource, ResourceLimit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int SetLimit(int resource, ResourceLimit* limit);
}

/// <summary>struct rlimit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    /// <summary>The size of files, in bytes. Who grows one beyond it gets a signal that ends the process.</summary>
    internal const int FileSize = 1;

    internal ulong Soft;
    internal ulong Hard;
}

/// <summary>The head of statvfs, which is the same in glibc and musl on 64 bits, and room for the rest.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileSystemStatistics
{
    [FieldOffset(8)]
    internal ulong FragmentBytes;

    /// <summary>Fragments that a process without privileges may still take.</summary>
    [FieldOffset(32)]
    internal ulong AvailableFragments;
}
