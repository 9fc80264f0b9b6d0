using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap;

/// <summary>The recompressor behind a pager as programs have it.</summary>
public sealed class RecompressorTests
{
    private const int PageBytes = 4096;
    private const int Pages = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Background_threads_compress_what_is_left_alone_and_end_with_the_pager(int threads)
    {
        var pager = new Pager(Options(threads), new PagerTuning { ColdAfter = TimeSpan.FromMilliseconds(1) });
        Thread[] running = Internals.BackgroundThreads(pager);
        PagedArray<long> array = Fill(pager);
        SpinWait.SpinUntil(() => pager.GetStatistics().RecompressedPages >= Pages / 2);
        Check(array);
        SpinWait.SpinUntil(() => pager.GetStatistics().RecompressedPages >= Pages);
        array.CopyFrom(0, Contents.Page(Contents.Nibbles(1), PageBytes / sizeof(long)));
        pager.Dispose();
        Assert.All(running, static thread => Assert.False(thread.IsAlive));
    }

    [Fact]
    public void Nothing_managed_is_allocated()
    {
        var clock = new ManualClock();
        using var pager = new Pager(Options(threads: 0), new PagerTuning { Time = clock });
        PagingDomain domain = Internals.Domain(pager);
        PagedArray<long> array = Fill(pager);
        long done = 0;
        for (int round = 0; round < 3; round++)
        {
            // The first rounds make this thread's codec contexts.
            long before = GC.GetAllocatedBytesForCurrentThread();
            while (domain.Swap.Recompressor.Step(driver: 1) == 0)
            {
            }

            Assert.True(round < 2 || GC.GetAllocatedBytesForCurrentThread() == before);
            Assert.True(round == 0 || pager.GetStatistics().RecompressedPages > done);
            done = pager.GetStatistics().RecompressedPages;
            Rewrite(array);
            clock.Advance(Recompressor.DefaultAge);
        }

        Check(array);
    }

    private static PagerOptions Options(int threads) => new()
    {
        PageBytes = PageBytes,
        ResidentBytes = 8 * PageBytes,
        PoolBytes = 4 << 20,
        BackgroundThreads = threads,
    };

    private static PagedArray<long> Fill(Pager pager)
    {
        PagedArray<long> array = pager.Allocate<long>(Pages * (long)PageBytes / sizeof(long));
        Rewrite(array);
        return array;
    }

    private static void Rewrite(PagedArray<long> array)
    {
        for (int page = 0; page < Pages; page++)
        {
            array.CopyFrom((long)page * array.PageLength, Contents.Page(Contents.HalfNibbles(page + 1), array.PageLength));
        }
    }

    private static void Check(PagedArray<long> array)
    {
        long[] found = new long[array.PageLength];
        for (int page = 0; page < Pages; page++)
        {
            array.CopyTo((long)page * array.PageLength, found);
            Assert.Equal(Contents.Page(Contents.HalfNibbles(page + 1), array.PageLength), found);
        }
    }
}
