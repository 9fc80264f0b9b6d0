using System.Threading.Tasks.Sources;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>A prefetch that is awaited: the whole range is one object. Its continuation runs on the thread pool, never on a thread of the
/// pager's.</summary>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="first">The first page.</param>
/// <param name="end">One past the last page.</param>
/// <param name="most">How many pages may be in frames for it.</param>
internal sealed class PrefetchOperation(OperationQueue queue, PagedRegion region, long first, long end, long most)
    : PageOperation(queue, region, first, end, most), IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationToken _token;

    internal ValueTask Start(CancellationToken token)
    {
        _token = token;
        CancelBy(token);
        Queue.Add(this);
        return new ValueTask(this, _source.Version);
    }

    internal override long LimitPart(long pages) => Region.MayBeInFiles ? Math.Max(pages, PagesInFiles) : pages;

    internal override void BeginReads(PageLoader loader, in OperationPart part) => BeginReadsOfRange(loader, part);

    internal override BroughtIn Work(PageFetcher fetcher, long page) => fetcher.BringInAhead(Region, page);

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <summary>Whatever ended it but a token, the prefetch is over: it has done what it could.</summary>
    protected override void OnComplete()
    {
        if (IsCancelled)
        {
            _source.SetException(new OperationCanceledException(_token));
        }
        else
        {
            _source.SetResult(true);
        }
    }
}
