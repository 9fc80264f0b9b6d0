namespace Paging.Diagnostics;

/// <summary>A lock that a seeded scheduler can see through. Held for short, bounded work on memory, never across I/O.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();

    internal void Enter()
    {
        IInterleaver? interleaver = TestHook.Interleaver;
        if (interleaver is null)
        {
            EnterUninterrupted();
            return;
        }

        interleaver.Reach(SharedWord.Lock);
        while (!_lock.TryEnter())
        {
            interleaver.Yield();
        }
    }

    internal bool TryEnter() => _lock.TryEnter();

    internal void Exit() => _lock.Exit();

    /// <summary>An interrupt in the middle of a protocol would leave claims and pins behind: it is kept for later.</summary>
    private void EnterUninterrupted()
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                _lock.Enter();
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}

/// <summary>Spins without ever sleeping: what it waits for is a few hundred instructions away on another thread.</summary>
internal struct Spinner
{
    private SpinWait _wait;

    internal readonly int Count => _wait.Count;

    /// <summary>Lets another thread run, if one is waiting for this processor.</summary>
    internal static void Yield()
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Yield();
            return;
        }

        Thread.Yield();
    }

    internal void Once()
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Yield();
            return;
        }

        _wait.SpinOnce(sleep1Threshold: -1);
    }
}
