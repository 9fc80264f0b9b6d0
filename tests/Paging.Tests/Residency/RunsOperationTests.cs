using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

public class RunsOperationTests
{
    private const ulong Seed = 11;

    [Fact]
    public void Runs_that_touch_are_joined_and_nothing_else_is()
    {
        var rng = new Rng(Seed);
        for (int round = 0; round < 1000; round++)
        {
            var runs = new List<PageRun>();
            var pages = new SortedSet<long>();
            for (int i = (int)rng.Next(8); i > 0; i--)
            {
                long first = rng.Next(40);
                long end = first + 1 + rng.Next(6);
                runs.Add(new PageRun(first, end));
                for (long page = first; page < end; page++)
                    pages.Add(page);
            }

            PageRun[] joined = RunsOperation.Join(runs);
            Assert.Equal(pages, joined.SelectMany(static run => Pages(run)));
            for (int i = 1; i < joined.Length; i++)
                Assert.True(joined[i - 1].End < joined[i].First);
        }
    }

    /// <summary>Runs are brought in whole, by who waits for them alone, too.</summary>
    [Fact]
    public void All_pages_of_the_runs_come_in()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 64 << 12, PoolBytes = 4 << 20, PageBytes = 4096, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(200 * 512);
        for (int page = 0; page < 200; page++)
            array[page * 512] = page + 1;
        PagedRegion region = Internals.Pages(array).Region;
        var operation = new RunsOperation(region, RunsOperation.Join([new PageRun(70, 80), new PageRun(3, 5), new PageRun(78, 90), new PageRun(20, 21)]));
        Assert.Equal(23, operation.End);
        operation.Start();
        operation.Await();
        foreach (int page in Enumerable.Range(70, 20).Concat([3, 4, 20]))
            Assert.True(PageWord.IsResident(region.Load(page)));
        operation.Await();
        operation.Cancel();
    }

    private static IEnumerable<long> Pages(PageRun run)
    {
        for (long page = run.First; page < run.End; page++)
            yield return page;
    }
}
