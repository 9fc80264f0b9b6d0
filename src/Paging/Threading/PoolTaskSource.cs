using System.Threading.Tasks.Sources;

namespace Paging.Threading;

/// <summary>The result of something that is awaited once, and whose continuation is for the thread pool: see
/// <see cref="PoolContinuation"/>.</summary>
/// <remarks>A mutable struct: a field of the source. It is completed once, by one thread; whoever awaits it comes before that or
/// later.</remarks>
internal struct PoolTaskSource<TResult>
{
    private ManualResetValueTaskSourceCore<TResult> _core;

    public PoolTaskSource() => _core.RunContinuationsAsynchronously = true;

    internal readonly short Version => _core.Version;

    internal void SetResult(TResult result) => _core.SetResult(result);

    internal void SetException(Exception exception) => _core.SetException(exception);

    internal TResult GetResult(short token) => _core.GetResult(token);

    internal ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    internal void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        // A context of the caller's has threads of its own, and few awaits ask for the flow of one.
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0
            || ((flags & ValueTaskSourceOnCompletedFlags.UseSchedulingContext) != 0 && HasContext))
        {
            _core.OnCompleted(continuation, state, token, flags);
            return;
        }

        var pooled = new PoolContinuation(continuation, state);
        if (_core.GetStatus(token) != ValueTaskSourceStatus.Pending)
        {
            pooled.Queue();
            return;
        }

        // Read by the thread that completes it, behind the exchange that hands it this continuation.
        _core.RunContinuationsAsynchronously = false;
        try
        {
            _core.OnCompleted(static pooled => ((PoolContinuation)pooled!).Queue(), pooled, token, ValueTaskSourceOnCompletedFlags.None);
        }
        catch (OutOfMemoryException)
        {
            // It has been completed meanwhile, and the pool is of no use.
            pooled.Execute();
        }
    }

    private static bool HasContext =>
        (SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext))
        || TaskScheduler.Current != TaskScheduler.Default;
}
