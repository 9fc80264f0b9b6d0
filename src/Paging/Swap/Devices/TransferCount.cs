using System.Diagnostics;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>Counts the transfers that are under way on a device, so that closing it can wait for them. The wait is for a disk: so the
/// thread sleeps, and does not spin.</summary>
internal sealed class TransferCount
{
    private const int Closed = int.MinValue;

    private readonly Condition _drained = new();

    // The number of transfers under way, and the sign bit once Close has begun. Any thread changes it, by interlocked operations.
    private int _state;

    /// <summary>Counts a transfer.</summary>
    /// <returns>False once <see cref="Close"/> has begun.</returns>
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

    /// <summary>The transfer is over.</summary>
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

    /// <summary>Lets no transfer begin any more, and returns when all have ended. May be called again, by any thread.</summary>
    /// <returns>True for the call that closed it.</returns>
    internal bool Close()
    {
        bool first = Interlocked.Or(ref _state, Closed) >= 0;
        bool interrupted = false;
        _drained.Enter(ref interrupted);
        // The last transfer changes the word before it takes the lock: either this thread sees the change, or a pulse follows it.
        while (Volatile.Read(ref _state) != Closed)
        {
            _drained.Wait(ref interrupted);
        }

        _drained.Exit(interrupted);
        return first;
    }
}
