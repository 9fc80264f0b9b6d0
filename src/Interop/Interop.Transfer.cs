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

    /// <summary>For <see cref="preadv2"/>: what is read into the page cache leaves it again. Kernels before 6.14 do not know it.</summary>
    internal const int RWF_DONTCACHE = 0x80;

    private static readonly nint s_preadv2 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 286 : 327;

    /// <summary>As <see cref="pread"/>, with flags. By number, since not every C library has the function.</summary>
    internal static nint preadv2(int descriptor, void* buffer, nuint length, long offset, int flags)
    {
        var vector = new IoVector { iov_base = buffer, iov_len = length };
        return SystemCall.syscall(s_preadv2, descriptor, (nint)(&vector), 1, (nint)offset, 0, flags);
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        internal void* iov_base;
        internal nuint iov_len;
    }
}
