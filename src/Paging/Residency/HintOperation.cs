using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A prefetch that nobody awaits.</summary>
/// <param name="hints">How many there are.</param>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="first">The first page.</param>
/// <param name="end">One past the last page.</param>
/// <param name="most">How many pages may be in frames for it.</param>
internal sealed class HintOperation(HintCount hints, OperationQueue queue, PagedRegion region, long first, long end, long most)
    : PageOperation(queue, region, first, end, most)
{
    internal void Start() => Queue.Add(this);

    internal override long LimitPart(long pages) => Region.MayBeInFiles ? Math.Max(pages, PagesInFiles) : pages;

    internal override void BeginReads(PageLoader loader, in OperationPart part) => BeginReadsOfRange(loader, part);

    internal override BroughtIn Work(PageFetcher fetcher, long page) => fetcher.BringInAhead(Region, page);

    protected override void OnComplete() => hints.Remove();
}

/// <summary>Bounds the prefetches that nobody awaits: who does not wait for them would not notice how many there are.</summary>
internal sealed class HintCount
{
    private const int Max = 64;

    private int _count;

    /// <summary>Counts one more. Its operation owes a <see cref="Remove"/>.</summary>
    internal bool TryAdd()
    {
        if (Shared.Increment(SharedWord.Counter, ref _count) <= Max)
        {
            return true;
        }

        Remove();
        return false;
    }

    internal void Remove() => Shared.Decrement(SharedWord.Counter, ref _count);
}
