using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>pread and pwrite, as the system has them: they may do less than was asked, or be interrupted.</summary>
/// <remarks>A thread inside is in preemptive mode, so a slow disk does not hold up the garbage collector.</remarks>
internal static unsafe partial class Transfer
{
    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    internal static partial nint Read(int descriptor, void* buffer, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    internal static partial nint Write(int descriptor, void* buffer, nuint length, long offset);
}
