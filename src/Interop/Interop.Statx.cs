using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>statx: what a path or a descriptor is. Its structure is the same on every processor, while the one of stat is not.</summary>
internal static unsafe partial class FileStatus
{
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;

    /// <summary>With an empty path: the status of the descriptor itself.</summary>
    internal const int AT_EMPTY_PATH = 0x1000;

    internal const uint STATX_TYPE = 1;
    internal const uint STATX_MODE = 2;
    internal const uint STATX_BASIC_STATS = 0x7ff;

    internal const int S_IFMT = 0xf000;
    internal const int S_IFIFO = 0x1000;
    internal const int S_IFCHR = 0x2000;
    internal const int S_IFDIR = 0x4000;
    internal const int S_IFBLK = 0x6000;
    internal const int S_IFREG = 0x8000;
    internal const int S_IFLNK = 0xa000;
    internal const int S_IFSOCK = 0xc000;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int statx(int directory, byte* path, int flags, uint mask, Statx* status);
}

/// <summary>struct statx, as far as it is read here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct Statx
{
    /// <summary>How many names the file has.</summary>
    [FieldOffset(0x10)]
    internal uint stx_nlink;

    [FieldOffset(0x1c)]
    internal ushort stx_mode;

    [FieldOffset(0x28)]
    internal ulong stx_size;

    /// <summary>The number of the file in its file system.</summary>
    [FieldOffset(0x20)]
    internal ulong stx_ino;

    /// <summary>Space that is allocated, in units of 512 bytes.</summary>
    [FieldOffset(0x30)]
    internal ulong stx_blocks;

    /// <summary>When the file, or what is said about it, was changed last: in seconds since 1970, and nanoseconds.</summary>
    [FieldOffset(0x60)]
    internal long stx_ctime_sec;

    [FieldOffset(0x68)]
    internal uint stx_ctime_nsec;

    /// <summary>The device that the file system is on, in two parts.</summary>
    [FieldOffset(0x88)]
    internal uint stx_dev_major;

    [FieldOffset(0x8c)]
    internal uint stx_dev_minor;
}
