using System.Runtime.InteropServices;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>Reads and writes on the calling thread. Lengths are whole blocks.</summary>
internal static unsafe class BlockingTransfer
{
    /// <summary>Transfers a range.</summary>
    /// <returns>0 or an error number.</returns>
    internal static int Run(int descriptor, IoOperation operation, byte* buffer, int length, long offset)
    {
        var progress = new TransferProgress(length);
        return Continue(descriptor, operation, buffer, offset, ref progress);
    }

    /// <summary>Transfers the rest of a transfer.</summary>
    /// <returns>0 or an error number.</returns>
    internal static int Continue(int descriptor, IoOperation operation, byte* buffer, long offset, ref TransferProgress progress)
    {
        int error;
        nint transferred;
        do
        {
            byte* rest = buffer + progress.Done;
            long at = offset + progress.Done;
            transferred = operation == IoOperation.Read
                ? Transfer.pread(descriptor, rest, (nuint)progress.Remaining, at)
                : Transfer.pwrite(descriptor, rest, (nuint)progress.Remaining, at);
            if (transferred < 0)
            {
                transferred = -Marshal.GetLastPInvokeError();
            }
        }
        while (!progress.Advance(transferred, out error));
        return error;
    }
}
