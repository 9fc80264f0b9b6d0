using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>rename, renameat2 and fsync, as the system has them: without policy; errors are left in errno.</summary>
internal static unsafe partial class Rename
{
    /// <summary>Fail with EEXIST where the new name exists.</summary>
    internal const uint RENAME_NOREPLACE = 1;

    /// <summary>Both names exist, and are exchanged.</summary>
    internal const uint RENAME_EXCHANGE = 2;

    private static readonly nint s_renameat2 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 276 : 316;

    /// <summary>By number, since not every C library has the function.</summary>
    /// <param name="from">A path: UTF-8, ended by a zero.</param>
    /// <param name="to">The same.</param>
    /// <param name="flags">Of this class. File systems may refuse them with EINVAL; sandboxes may know nothing of the call.</param>
    internal static int renameat2(byte* from, byte* to, uint flags) =>
        (int)SystemCall.syscall(s_renameat2, OpenFile.AT_FDCWD, (nint)from, OpenFile.AT_FDCWD, (nint)to, (nint)flags, 0);

    /// <summary>What has the new name already is replaced, if it may be: an empty directory by a directory.</summary>
    /// <param name="from">A path: UTF-8, ended by a zero.</param>
    /// <param name="to">The same.</param>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int rename(byte* from, byte* to);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fsync(int descriptor);
}
