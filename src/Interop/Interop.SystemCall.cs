using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>syscall: for what the C library has no function for, or not everywhere.</summary>
internal static partial class SystemCall
{
    // Variadic in C. On Linux both processors pass integer arguments of such functions in registers, as they do all others.
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}
