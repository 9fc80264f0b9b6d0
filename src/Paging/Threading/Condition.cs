using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>A lock whose holder may sleep until another thread, under the same lock, has changed what it waits for.</summary>
/// <remarks>The thread sleeps in preemptive mode. An interrupt in the middle would leave buffers and transfers behind, so it is kept for
/// the thread's next wait. A seeded scheduler sees through the lock, as through <see cref="Gate"/>.</remarks>
internal sealed class Condition
{
    private readonly object _lock = new();

    /// <summary>Takes the lock.</summary>
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

    /// <summary>Sleeps once, without the lock, and returns with it. It may also return without cause, so the caller must check
    /// again.</summary>
    /// <param name="interrupted">Set when an interrupt arrived; handed on to <see cref="Exit"/>.</param>
    /// <param name="milliseconds">The longest sleep; or infinite.</param>
    /// <returns>False when the time was up. To a seeded scheduler it is up when no other thread can move.</returns>
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

    /// <summary>Wakes one sleeper. The caller holds the lock.</summary>
    internal void Pulse() => Monitor.Pulse(_lock);

    /// <summary>Wakes every sleeper. The caller holds the lock.</summary>
    internal void PulseAll()
    {
        TestHook.Interleaver?.Wake(this);
        Monitor.PulseAll(_lock);
    }
}
