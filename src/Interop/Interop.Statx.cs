using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>statx: what a path or a descriptor is. Unlike stat's, its structure is the same on every processor.</summary>
internal static unsafe partial class FileStatus
{
    internal const int NoFollow = 0x100;

    /// <summary>With an empty path: the status of the descriptor itself.</summary>
    internal const int EmptyPath = 0x1000;

    internal const uint TypeAndMode = 3;
    internal const uint BasicStatistics = 0x7ff;

    internal const int KindMask = 0xf000;
    internal const int KindFifo = 0x1000;
    internal const int KindCharacterDevice = 0x2000;
    internal const int KindDirectory = 0x4000;
    internal const int KindBlockDevice = 0x6000;
    internal const int KindRegular = 0x8000;
    internal const int KindLink = 0xa000;
    internal const int KindSocket = 0xc000;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    internal static partial int Get(int directory, byte* path, int flags, uint mask, FileInformation* information);
}

/// <summary>struct statx, as far as it is read here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileInformation
{
    [FieldOffset(0x10)]
    internal uint Links;

    [FieldOffset(0x1c)]
    internal ushort Mode;

    [FieldOffset(0x28)]
    internal ulong Size;

    /// <summary>In units of 512 bytes.</summary>
    [FieldOffset(0x30)]
    internal ulong AllocatedSectors;
}
