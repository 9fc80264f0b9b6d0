using Paging.Residency;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>Parts of an operation while another thread still has some of its pages.</summary>
public sealed class OperationQueueTests : IDisposable
{
    private readonly Pager _pager =
        new(new PagerOptions { ResidentBytes = 1 << 20, PoolBytes = 8 << 20, PageBytes = 4096, BackgroundThreads = 0 });

    private readonly PagedRegion _region;
    private readonly OperationQueue _queue;

    public OperationQueueTests()
    {
        _region = Internals.Pages(_pager.Allocate<long>(1 << 17)).Region;
        _queue = _region.Operations;
    }

    public void Dispose() => _pager.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_still_has_pages_finishes_them_unless_told_to_stop(bool stops)
    {
        Counted operation = Add(pages: 100);
        Assert.True(_queue.TryTake(out OperationPart others));
        while (_queue.TryTakeOf(operation, out OperationPart own))
        {
            _queue.GiveBack(own, used: own.End - own.First, skipTo: own.End, isOver: false);
        }

        if (stops)
        {
            _queue.Cancel(operation);
        }

        Assert.Equal(stops, operation.IsOver);
        Assert.Equal(0, operation.Completions);
        _queue.GiveBack(others, used: others.End - others.First, skipTo: others.End, isOver: false);
        Assert.Equal(1, operation.Completions);
        _queue.Cancel(operation);
        Assert.Equal(1, operation.Completions);
    }

    [Fact]
    public void A_thread_that_has_a_part_takes_another_one_only_where_enough_is_left()
    {
        Counted operation = Add(pages: 200);
        long given = 0;
        while (_queue.TryTakeMore(operation, isNext: false, out OperationPart part))
        {
            given = part.End;
            _queue.GiveBack(part, used: part.End - part.First, skipTo: part.End, isOver: false);
        }

        Assert.InRange(given, 1, 199);
        Assert.True(_queue.TryTakeMore(operation, isNext: true, out OperationPart next));
        Assert.Equal(given, next.First);
        _queue.GiveBack(next, used: 0, skipTo: next.End, isOver: true);
        Assert.Equal(1, operation.Completions);
    }

    private Counted Add(long pages)
    {
        var operation = new Counted(_queue, _region, pages);
        _queue.Add(operation);
        return operation;
    }

    private sealed class Counted(OperationQueue queue, PagedRegion region, long pages) : PageOperation(queue, region, 0, pages, pages)
    {
        public int Completions { get; private set; }

        internal override BroughtIn Work(PageFetcher fetcher, long page) => BroughtIn.Filled;

        internal override long NextWanted(long page) => page;

        protected override void OnComplete() => Completions++;
    }
}
