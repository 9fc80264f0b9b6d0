namespace Paging.Residency;

/// <summary>A prefetch that is awaited: the whole range is one object. Its continuation runs on the thread pool, never on a thread of the
/// pager's; a thread that blocks for it is woken without the pool, all of whose threads may be blocked like that.</summary>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="first">The first page.</param>
/// <param name="end">One past the last page.</param>
/// <param name="most">How many pages may be in frames for it.</param>
internal sealed class PrefetchOperation(OperationQueue queue, PagedRegion region, long first, long end, long most)
    : AheadOperation(queue, region, first, end, most)
{
    private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationToken _token;

    internal ValueTask Start(CancellationToken token)
    {
        _token = token;
        CancelBy(token);
        Queue.Add(this);
        return new ValueTask(_source.Task);
    }

    /// <summary>Whatever ended it but a token, the prefetch is over: it has done what it could.</summary>
    protected override void OnComplete()
    {
        if (IsCancelled)
        {
            _source.SetCanceled(_token);
        }
        else
        {
            _source.SetResult();
        }
    }
}
