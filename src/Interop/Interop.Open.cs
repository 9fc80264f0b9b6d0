using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>openat, close, unlinkat, fchmod and fcntl, as the system has them: no policy, errno for an answer.</summary>
/// <remarks>openat and fcntl are variadic in C. On Linux, x64 and Arm64 pass such arguments as they pass any other.</remarks>
internal static unsafe partial class OpenFile
{
    internal const int ReadWrite = 2;
    internal const int Create = 0x40;
    internal const int Exclusive = 0x80;
    internal const int CloseOnExec = 0x80000;
    internal const int PathOnly = 0x200000;

    /// <summary>The mode of a file that only its owner may read and write.</summary>
    internal const uint OwnerOnly = 0x180;

    internal const int GetFlags = 3;
    internal const int SetFlags = 4;

    /// <summary>Paths relative to the working directory.</summary>
    internal const int WorkingDirectory = -100;

    private static readonly bool s_isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    // These differ among processors; the kernel's arch/arm64/include/uapi/asm/fcntl.h has the exceptions.
    internal static int Direct => s_isArm ? 0x10000 : 0x4000;

    internal static int Directory => s_isArm ? 0x4000 : 0x10000;

    internal static int NoFollow => s_isArm ? 0x8000 : 0x20000;

    /// <summary>A file without a name, in the directory that is opened.</summary>
    internal static int Unnamed => 0x400000 | Directory;

    /// <param name="directory">A descriptor, or <see cref="WorkingDirectory"/>.</param>
    /// <param name="path">UTF-8, ended by a zero.</param>
    /// <param name="flags">Of this class.</param>
    /// <param name="mode">Of a file that is created; the process's umask takes bits away.</param>
    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    internal static partial int At(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    internal static partial int UnlinkAt(int directory, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    internal static partial int ChangeMode(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int Control(int descriptor, int command, int argument);
}
