using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>How far a transfer has come. The system may do it in pieces.</summary>
internal struct TransferProgress
{
    private readonly int _total;
    private readonly int _wanted;
    private int _done;
    private bool _stalled;

    /// <param name="length">Whole blocks.</param>
    internal TransferProgress(int length)
        : this(length, length)
    {
    }

    /// <summary>A transfer that is over as soon as what is wanted is there: a file need not end with a whole block.</summary>
    /// <param name="length">Whole blocks.</param>
    /// <param name="wanted">Bytes of them, from the first one on.</param>
    internal TransferProgress(int length, int wanted)
    {
        _total = length;
        _wanted = wanted;
    }

    /// <summary>Where the next piece starts. The whole length once what is wanted is there, even if the file ended before that.</summary>
    internal readonly int Done => _done;

    internal readonly int Remaining => _total - _done;

    /// <summary>Adds the answer of one system call, which was asked to transfer the rest.</summary>
    /// <param name="transferred">Bytes, or an error number, negated.</param>
    /// <param name="error">0 or an error number, once the transfer is over.</param>
    /// <returns>False when there is more to do.</returns>
    internal bool Advance(nint transferred, out int error)
    {
        error = 0;
        if (transferred < 0)
        {
            error = (int)-transferred;
            return error != Errno.EINTR;
        }

        if (transferred >= _wanted - _done)
        {
            _done = _total;
            return true;
        }

        // With O_DIRECT a transfer can go on only at a block boundary: a block that was transferred in part is transferred again.
        int wholeBytes = (int)transferred & ~(SwapDevice.BufferAlignment - 1);
        _done += wholeBytes;

        // Nothing at all: the file has ended, or the device takes no more. Less than a block: a signal may be the reason, once.
        if (transferred == 0 || (wholeBytes == 0 && _stalled))
        {
            error = Errno.EIO;
            return true;
        }

        _stalled = wholeBytes == 0;
        return false;
    }
}
