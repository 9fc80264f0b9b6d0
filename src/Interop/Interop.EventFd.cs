using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>eventfd: a counter that one thread adds to, and another one sleeps on.</summary>
internal static unsafe partial class EventCounter
{
    internal const int EFD_CLOEXEC = 0x80000;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int eventfd(uint value, int flags);

    /// <summary>Adds the eight bytes at <paramref name="value"/> to the counter. Blocks only if the sum would exceed 2⁶⁴ − 2.</summary>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(int descriptor, ulong* value, nuint length);
}
