using Paging.Residency;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>The end of an operation whose pages are all handed out, while another thread still has some of them.</summary>
public class OperationQueueTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_still_has_pages_finishes_them_unless_told_to_stop(bool stops)
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 1 << 20, PoolBytes = 8 << 20, PageBytes = 4096, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(1 << 17);
        PagedRegion region = Internals.Pages(array).Region;
        OperationQueue queue = region.Operations;
        var operation = new Counted(queue, region, pages: 100);
        queue.Add(operation);
        Assert.True(queue.TryTake(out OperationPart others));
        while (queue.TryTakeOf(operation, out OperationPart own))
        {
            queue.GiveBack(own, used: own.End - own.First, skipTo: own.End, isOver: false);
        }

        queue.End(operation, stops);
        Assert.Equal(stops, operation.IsOver);
        Assert.Equal(0, operation.Completions);
        queue.GiveBack(others, used: others.End - others.First, skipTo: others.End, isOver: false);
        Assert.Equal(1, operation.Completions);
        queue.End(operation, stops);
        Assert.Equal(1, operation.Completions);
    }

    [Fact]
    public void A_thread_that_has_a_part_takes_another_one_only_where_enough_is_left()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 1 << 20, PoolBytes = 8 << 20, PageBytes = 4096, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(1 << 17);
        PagedRegion region = Internals.Pages(array).Region;
        OperationQueue queue = region.Operations;
        var operation = new Counted(queue, region, pages: 200);
        queue.Add(operation);
        long given = 0;
        while (queue.TryTakeMore(operation, isNext: false, out OperationPart part))
        {
            given = part.End;
            queue.GiveBack(part, used: part.End - part.First, skipTo: part.End, isOver: false);
        }

        Assert.InRange(given, 1, 199);
        Assert.True(queue.TryTakeMore(operation, isNext: true, out OperationPart next));
        Assert.Equal(given, next.First);
        queue.GiveBack(next, used: 0, skipTo: next.End, isOver: true);
        Assert.Equal(1, operation.Completions);
    }

    private sealed class Counted(OperationQueue queue, PagedRegion region, long pages) : PageOperation(queue, region, 0, pages, pages)
    {
        public int Completions { get; private set; }

        internal override BroughtIn Work(PageFetcher fetcher, long page) => BroughtIn.Filled;

        internal override long NextWanted(long page) => page;

        protected override void OnComplete() => Completions++;
    }
}
