namespace Paging.Diagnostics;

/// <summary>A lock that a seeded scheduler can see through. Held for short, bounded work on memory, never across I/O.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();

    internal bool IsHeldByCurrentThread => _lock.IsHeldByCurrentThread;

    internal void Enter()
    {
        IInterleaver? interleaver = TestHook.Interleaver;
        if (interleaver is null)
        {
            _lock.Enter();
            return;
        }

        while (!_lock.TryEnter())
        {
            interleaver.Yield();
        }
    }

    internal bool TryEnter() => _lock.TryEnter();

    internal void Exit() => _lock.Exit();
}

/// <summary>Spins without ever sleeping: what it waits for is a few hundred instructions away on another thread.</summary>
internal struct Spinner
{
    private SpinWait _wait;

    internal readonly int Count => _wait.Count;

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
