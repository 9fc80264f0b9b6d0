using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>openat, close, unlinkat, fchmod and fcntl, as the system has them: without policy; errors are left in errno.</summary>
/// <remarks>openat and fcntl are variadic in C. On Linux, x64 and Arm64 pass such arguments as they pass any other.</remarks>
internal static unsafe partial class OpenFile
{
    internal const int O_RDONLY = 0;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_NOCTTY = 0x100;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int O_PATH = 0x200000;

    internal const uint S_IWUSR = 0x80;
    internal const uint S_IRUSR = 0x100;

    internal const int F_GETFL = 3;
    internal const int F_SETFL = 4;

    /// <summary>As a directory: paths are relative to the working directory.</summary>
    internal const int AT_FDCWD = -100;

    private static readonly bool s_isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    // These differ among processors; the kernel's arch/arm64/include/uapi/asm/fcntl.h has the exceptions.
    internal static int O_DIRECT => s_isArm ? 0x10000 : 0x4000;

    internal static int O_DIRECTORY => s_isArm ? 0x4000 : 0x10000;

    internal static int O_NOFOLLOW => s_isArm ? 0x8000 : 0x20000;

    /// <summary>A file without a name, in the directory that is opened.</summary>
    internal static int O_TMPFILE => 0x400000 | O_DIRECTORY;

    /// <param name="directory">A descriptor, or <see cref="AT_FDCWD"/>.</param>
    /// <param name="path">UTF-8, ended by a zero.</param>
    /// <param name="flags">Of this class.</param>
    /// <param name="mode">The mode of a file that is created, without the bits that are set in the umask of the process.</param>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int openat(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int unlinkat(int directory, byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fchmod(int descriptor, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fcntl(int descriptor, int command, int argument);
}
