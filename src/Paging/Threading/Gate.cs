using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>A lock that a seeded scheduler can see through. Held for short, bounded work on memory, never across I/O.</summary>
/// <remarks>A monitor rather than a <see cref="Lock"/>, which allocates an event when a thread first waits for it. Gates stand on the paths
/// of faults and evictions, which allocate nothing.</remarks>
internal sealed class Gate
{
    private readonly object _lock = new();

    /// <summary>Enters. The end of the scope leaves, whatever happens in between.</summary>
    internal Scope Enter()
    {
        IInterleaver? interleaver = TestHook.Interleaver;
        if (interleaver is null)
        {
            Uninterrupted.Enter(_lock);
            return new Scope(this);
        }

        interleaver.Reach(SharedWord.Lock);
        while (!Monitor.TryEnter(_lock))
        {
            interleaver.Yield();
        }

        return new Scope(this);
    }

    internal bool TryEnter() => Monitor.TryEnter(_lock);

    internal void Exit() => Monitor.Exit(_lock);

    internal readonly ref struct Scope(Gate gate)
    {
        public void Dispose() => gate.Exit();
    }
}
