using System.Diagnostics;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>Counts what is under way on a device, so that closing it can wait: for the disk, hence asleep and not spinning.</summary>
internal sealed class TransferCount
{
    private const int Closed = int.MinValue;

    private readonly Condition _drained = new();

    // The number of transfers under way, and the sign bit once Close has begun. Changed by interlocked operations of any thread.
    private int _state;

    /// <summary>False once <see cref="Close"/> has begun.</summary>
    internal bool TryEnter()
    {
        int state = Volatile.Read(ref _state);
        while (state >= 0)
        {
            int seen = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (seen == state)
            {
                return true;
            }

            state = seen;
        }

        return false;
    }

    internal void Exit()
    {
        int state = Interlocked.Decrement(ref _state);
        Debug.Assert(state is not -1 and not int.MaxValue, "more transfers ended than began");
        if (state == Closed)
        {
            bool interrupted = false;
            _drained.Enter(ref interrupted);
            _drained.PulseAll();
            _drained.Exit(interrupted);
        }
    }

    /// <summary>Lets nobody in any more, and returns when everybody has left. May be called again, by any thread.</summary>
    /// <returns>True for the call that closed it.</returns>
    internal bool Close()
    {
        bool first = Interlocked.Or(ref _state, Closed) >= 0;
        bool interrupted = false;
        _drained.Enter(ref interrupted);
        // The last to leave changes the word before it takes the lock: the change is either seen here, or followed by a pulse.
        while (Volatile.Read(ref _state) != Closed)
        {
            _drained.Wait(ref interrupted);
        }

        _drained.Exit(interrupted);
        return first;
    }
}
