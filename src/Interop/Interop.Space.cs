using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>fallocate, ftruncate, fstatvfs, getrlimit and setrlimit, as the system has them: without policy; errors are left in
/// errno.</summary>
internal static unsafe partial class FileSpace
{
    internal const int FALLOC_FL_KEEP_SIZE = 1;
    internal const int FALLOC_FL_PUNCH_HOLE = 2;

    /// <summary>The limit of the size of files, in bytes. A thread that grows a file beyond it gets a signal that ends the
    /// process.</summary>
    internal const int RLIMIT_FSIZE = 1;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fallocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(int descriptor, long length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fstatvfs(int descriptor, StatVfs* status);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getrlimit(int resource, RLimit* limit);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setrlimit(int resource, RLimit* limit);
}

/// <summary>struct rlimit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RLimit
{
    /// <summary>The soft limit, which the system enforces.</summary>
    internal ulong rlim_cur;

    /// <summary>The hard limit, up to which the process may raise the soft one.</summary>
    internal ulong rlim_max;
}

/// <summary>The head of struct statvfs, which is the same in glibc and musl on 64 bits, and room for the rest.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct StatVfs
{
    /// <summary>Bytes of a fragment.</summary>
    [FieldOffset(8)]
    internal ulong f_frsize;

    /// <summary>Fragments that there are in all; 0 where nothing limits them, or nobody counts them.</summary>
    [FieldOffset(16)]
    internal ulong f_blocks;

    /// <summary>Fragments that a process without privileges may still take.</summary>
    [FieldOffset(32)]
    internal ulong f_bavail;
}
