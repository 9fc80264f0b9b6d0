namespace Paging.Diagnostics;

/// <summary>Counts events, and lets threads sleep until there is one more than they have seen.</summary>
internal sealed class EventCount
{
    private readonly Condition _condition = new();
    private long _count;
    private int _sleepers;

    internal long Count
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            return Volatile.Read(ref _count);
        }
    }

    internal void Signal()
    {
        TestHook.Reach(SharedWord.Counter);
        Interlocked.Increment(ref _count);

        // Pairs with the increment of the sleepers: either the sleeper is seen here, or it sees the count.
        Memory.Fences.AfterInterlocked();
        if (Volatile.Read(ref _sleepers) == 0)
        {
            return;
        }

        bool interrupted = false;
        _condition.Enter(ref interrupted);
        _condition.PulseAll();
        _condition.Exit(interrupted);
    }

    /// <summary>Sleeps until the count differs from what was seen.</summary>
    internal void WaitBeyond(long seen)
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Interlocked.Increment(ref _sleepers);
        Memory.Fences.AfterInterlocked();
        while (Count == seen)
        {
            _condition.Wait(ref interrupted);
        }

        Interlocked.Decrement(ref _sleepers);
        _condition.Exit(interrupted);
    }
}
