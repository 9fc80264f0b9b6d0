using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>fallocate, ftruncate and fstatvfs, as the system has them: no policy, errno for an answer.</summary>
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
