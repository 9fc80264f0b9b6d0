using System.Threading.Tasks.Sources;
using Paging.Residency;

namespace Paging;

/// <summary>A pin that is awaited, since its page is in a file. Its continuation runs on the thread pool, never on a thread of the
/// pager's.</summary>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="page">The page.</param>
/// <param name="owner">What will have it pinned.</param>
internal sealed class PinOperation<T>(OperationQueue queue, PagedRegion region, long page, PageOwner<T> owner)
    : PageOperation(queue, region, page, page + 1, most: 1), IValueTaskSource<PageOwner<T>>
    where T : unmanaged
{
    private ManualResetValueTaskSourceCore<PageOwner<T>> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationToken _token;
    private Exception? _failure;
    private bool _isPinned;

    /// <summary>Somebody waits for it, and nobody for a prefetch in the same way.</summary>
    internal override bool IsUrgent => true;

    /// <summary>Pins a page on the calling thread, or, where a device would have to be waited for, on one of the background.</summary>
    /// <param name="region">The array.</param>
    /// <param name="page">The page.</param>
    /// <param name="offset">The first element in it.</param>
    /// <param name="length">The number of elements from there on.</param>
    /// <param name="writable">Whether the page will be dirty.</param>
    /// <param name="token">Ends the wait.</param>
    internal static ValueTask<PageOwner<T>> Pin(
        PagedRegion region, long page, int offset, int length, bool writable, CancellationToken token)
    {
        try
        {
            var owner = new PageOwner<T>(offset, length, writable);
            if (owner.TryPin(region, page, FaultManner.AtHand))
            {
                return new ValueTask<PageOwner<T>>(owner);
            }
        }
        catch (Exception e) when (e is not ArgumentException)
        {
            return ValueTask.FromException<PageOwner<T>>(e);
        }

        var operation = new PinOperation<T>(region.Operations, region, page, new PageOwner<T>(offset, length, writable));
        ValueTask<PageOwner<T>> task = operation.Start(token);
        region.WakeBackground();
        return task;
    }

    private ValueTask<PageOwner<T>> Start(CancellationToken token)
    {
        _token = token;
        CancelBy(token);
        Queue.Add(this);
        return new ValueTask<PageOwner<T>>(this, _source.Version);
    }

    internal override BroughtIn Work(PageFetcher fetcher, long page)
    {
        try
        {
            _isPinned = owner.TryPin(Region, page, FaultManner.Impatient);
            return BroughtIn.Filled;
        }
        catch (Exception e)
        {
            // For who awaits it. The thread goes on with other work.
            _failure = e;
            return BroughtIn.Failed;
        }
    }

    PageOwner<T> IValueTaskSource<PageOwner<T>>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<PageOwner<T>>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<PageOwner<T>>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    protected override void OnComplete()
    {
        if (IsCancelled)
        {
            // It may have been pinned a moment before.
            if (_isPinned)
            {
                owner.Dispose();
            }

            _source.SetException(new OperationCanceledException(_token));
        }
        else if (_isPinned)
        {
            _source.SetResult(owner);
        }
        else
        {
            // Not begun, because the pager was disposed first.
            _source.SetException(_failure ?? new ObjectDisposedException(typeof(Pager).FullName));
        }
    }
}
