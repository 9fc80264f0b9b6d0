namespace Paging.Threading;

/// <summary>What follows a wait, for the thread pool to run: never a thread of the pager's, since it may block.</summary>
/// <remarks>It runs once. Where the pool has no thread and cannot start one (<see cref="PoolQueue"/>) it runs on the thread that queues it:
/// whoever awaits it would wait for ever. The pool may have taken it all the same, and come to it later.</remarks>
/// <param name="continuation">What runs.</param>
/// <param name="state">Is handed to it.</param>
internal sealed class PoolContinuation(Action<object?> continuation, object? state) : IThreadPoolWorkItem
{
    private Action<object?>? _continuation = continuation;

    /// <summary>Queues it, or runs it.</summary>
    internal void Queue()
    {
        if (!PoolQueue.TryQueue(this))
        {
            Execute();
        }
    }

    /// <summary>Runs it, unless it was run.</summary>
    /// <remarks>The continuation → null: races between the pool and a thread that could not count on it.</remarks>
    public void Execute() => Interlocked.Exchange(ref _continuation, null)?.Invoke(state);
}
