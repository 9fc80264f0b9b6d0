using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>A lock whose holder may sleep until somebody else, under the same lock, has changed what it waits for.</summary>
/// <remarks>The thread sleeps in preemptive mode. An interrupt in the middle would leave buffers and transfers behind: it is kept for the
/// thread's next wait. A seeded scheduler sees through it, as through <see cref="Gate"/>.</remarks>
internal sealed class Condition
{
    private readonly object _lock = new();

    /// <param name="interrupted">Set when an interrupt arrived; handed on to <see cref="Exit"/>.</param>
    internal void Enter(ref bool interrupted)
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Reach(SharedWord.Lock);
            while (!Monitor.TryEnter(_lock))
            {
                interleaver.Yield();
            }

            return;
        }

        Uninterrupted.Enter(_lock, ref interrupted);
    }

    internal void Exit(bool interrupted)
    {
        Monitor.Exit(_lock);
        Uninterrupted.Keep(interrupted);
    }

    /// <summary>Sleeps once, without the lock, and returns with it. It may also return for no reason: its caller looks again.</summary>
    /// <param name="interrupted">Set when an interrupt arrived; handed on to <see cref="Exit"/>.</param>
    /// <param name="milliseconds">How long at most; or infinite.</param>
    /// <returns>False when the time was up. To a seeded scheduler it is when nobody else can move.</returns>
    internal bool Wait(ref bool interrupted, int milliseconds = Timeout.Infinite)
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            Monitor.Exit(_lock);
            bool inTime = true;
            if (milliseconds == Timeout.Infinite)
            {
                interleaver.Yield();
            }
            else
            {
                inTime = interleaver.Sleep(this);
            }

            Enter(ref interrupted);
            return inTime;
        }

        return Uninterrupted.Wait(_lock, milliseconds, ref interrupted);
    }

    /// <summary>Wakes one sleeper. The lock is held.</summary>
    internal void Pulse() => Monitor.Pulse(_lock);

    /// <summary>Wakes every sleeper. The lock is held.</summary>
    internal void PulseAll()
    {
        TestHook.Interleaver?.Wake(this);
        Monitor.PulseAll(_lock);
    }
}
