using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>eventfd: a counter that one thread adds to, and another one sleeps on.</summary>
internal static unsafe partial class EventCounter
{
    internal const int CloseOnExec = 0x80000;

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int Create(uint value, int flags);

    /// <summary>Adds the eight bytes at <paramref name="value"/>. Does not block before the counter reaches 2⁶⁴ − 1.</summary>
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, ulong* value, nuint length);
}
