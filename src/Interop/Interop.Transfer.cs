using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>pread and pwrite, as the system has them: they may transfer less than was asked for, or be interrupted.</summary>
/// <remarks>During the call the thread is in preemptive mode, so that a slow disk does not hold up the garbage collector.</remarks>
internal static unsafe partial class Transfer
{
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint pread(int descriptor, void* buffer, nuint length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint pwrite(int descriptor, void* buffer, nuint length, long offset);
}
