using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Counts events, and lets threads sleep until there is one more than they have seen.</summary>
internal sealed class EventCount
{
    private readonly Condition _condition = new();
    private long _count;
    private int _sleepers;

    internal long Count => Shared.Read(SharedWord.Counter, ref _count);

    internal void Signal()
    {
        Shared.Increment(SharedWord.Counter, ref _count);

        // Pairs with the increment of the sleepers: either this thread sees the sleeper, or the sleeper sees the count.
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _sleepers) == 0)
        {
            return;
        }

        bool interrupted = false;
        _condition.Enter(ref interrupted);
        _condition.PulseAll();
        _condition.Exit(interrupted);
    }

    /// <summary>Sleeps until the count differs from the one that the caller has seen.</summary>
    internal void WaitBeyond(long seen) => TryWaitBeyond(seen, Timeout.Infinite);

    /// <summary>As <see cref="WaitBeyond"/>, but for so many milliseconds at most. False when the count is still the same.</summary>
    internal bool TryWaitBeyond(long seen, int milliseconds)
    {
        long end = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Interlocked.Increment(ref _sleepers);
        Fences.AfterInterlocked();
        while (Count == seen && milliseconds != 0)
        {
            if (!_condition.Wait(ref interrupted, milliseconds))
            {
                break;
            }

            milliseconds = milliseconds < 0 ? milliseconds : (int)Math.Max(0, end - Environment.TickCount64);
        }

        Interlocked.Decrement(ref _sleepers);
        _condition.Exit(interrupted);
        return Count != seen;
    }
}
