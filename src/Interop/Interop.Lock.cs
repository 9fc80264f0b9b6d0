using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>flock, as the system has it: errors are left in errno. File systems may not have it, or have it for one machine only.</summary>
internal static partial class FileLock
{
    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int flock(int descriptor, int operation);
}
