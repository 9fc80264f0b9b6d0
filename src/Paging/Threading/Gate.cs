using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>A lock that a seeded scheduler can see through. Held for short, bounded work on memory, never across I/O.</summary>
/// <remarks>A monitor rather than a <see cref="Lock"/>, which allocates an event when a thread first waits for it. Gates stand on the paths
/// of faults and evictions, which allocate nothing.</remarks>
/// <param name="isOfProcess">Whether all pagers of the process share it. Then threads that the scheduler does not know may be in it, such
/// as the finalizer's, so a scheduled thread waits for them as in earnest; and nothing under it may hand the turn to another
/// thread.</param>
internal sealed class Gate(bool isOfProcess = false)
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
        if (isOfProcess)
        {
            Uninterrupted.Enter(_lock);
            return new Scope(this);
        }

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
