using Paging.Residency;

namespace Paging;

/// <summary>A pin that is awaited, since its page is in a file. Its continuation runs on the thread pool, never on a thread of the
/// pager's; a thread that blocks for it is woken without the pool, all of whose threads may be blocked like that.</summary>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="page">The page.</param>
/// <param name="owner">What will have it pinned.</param>
internal sealed class PinOperation<T>(OperationQueue queue, PagedRegion region, long page, PageOwner<T> owner)
    : PageOperation(queue, region, page, page + 1, most: 1)
    where T : unmanaged
{
    private readonly TaskCompletionSource<PageOwner<T>> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
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
        return new ValueTask<PageOwner<T>>(_source.Task);
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

    protected override void OnComplete()
    {
        if (IsCancelled)
        {
            // It may have been pinned a moment before.
            if (_isPinned)
            {
                owner.Dispose();
            }

            _source.SetCanceled(_token);
        }
        else if (_isPinned)
        {
            _source.SetResult(owner);
        }
        else
        {
            // Not begun, because the pager was disposed first.
            _source.SetException(_failure ?? new ObjectDisposedException(typeof(Pager).FullName));

            // Looked at: a pin that nobody awaits any more is no unobserved failure of the program.
            _ = _source.Task.Exception;
        }
    }
}
