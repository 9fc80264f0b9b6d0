using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>getrandom: random bytes from the kernel, without a library of cryptography.</summary>
internal static unsafe partial class SystemRandom
{
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getrandom(byte* buffer, nuint length, uint flags);

    /// <summary>Fills a buffer.</summary>
    /// <returns>0 or an error number.</returns>
    internal static int Fill(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            for (int done = 0; done < buffer.Length;)
            {
                nint got = getrandom(bytes + done, (nuint)(buffer.Length - done), 0);
                int error = got < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (error is not 0 and not Errno.EINTR)
                {
                    return error;
                }

                done += (int)Math.Max(0, got);
            }
        }

        return 0;
    }
}
