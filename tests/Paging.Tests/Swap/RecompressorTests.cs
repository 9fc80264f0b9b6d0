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
        Recompressor recompressor = Internals.Domain(pager).Swap.Recompressor;
        PagedArray<long> array = Fill(pager);
        long before = 0;
        long allocated = Codecs.Allocations.Least(
            () =>
            {
                while (recompressor.Step(driver: 1) == 0)
                {
                }
            },
            uses: 1,
            prepare: () =>
            {
                Rewrite(array);
                clock.Advance(Recompressor.DefaultAge);
                before = pager.GetStatistics().RecompressedPages;
            });
        Assert.Equal(0, allocated);
        Assert.True(pager.GetStatistics().RecompressedPages > before);
        Check(array);
    }

    /// <summary>Compressing again leaves dead space, and so does storing anew what was wanted again. If that pushed pages out, more of
    /// them would be in the file with each pause.</summary>
    [Fact]
    public void Pauses_between_reads_push_nothing_out_of_a_pool_that_has_room_for_all()
    {
        var clock = new ManualClock();
        PagerOptions options = Options(threads: 0) with { SwapFiles = [Files.Held.File(16 << 20)] };
        using var pager = new Pager(options, new PagerTuning { Time = clock });
        SwapStore store = Internals.Domain(pager).Swap;
        PagedArray<long> array = pager.Allocate<long>(3000 * (long)PageBytes / sizeof(long));
        int many = 0;
        while (pager.GetStatistics().PoolStoredBytes < options.PoolBytes * 0.86)
        {
            array.CopyFrom((long)many * array.PageLength, Contents.Page(Contents.Nibbles(many + 1), array.PageLength));
            many++;
        }

        int[] order = [.. Enumerable.Range(0, many)];
        var random = new Random(1);
        for (int pause = 0; pause < 12; pause++)
        {
            clock.Advance(Recompressor.DefaultAge);
            for (int step = 0; step < 300 && store.Recompressor.Step(driver: 1) == 0; step++)
            {
                Clean();
            }

            random.Shuffle(order);
            for (int i = 0; i < many; i++)
            {
                int page = order[i];
                Assert.Equal(Contents.Page(Contents.Nibbles(page + 1), array.PageLength)[7], array[((long)page * array.PageLength) + 7]);
                if (i % 8 == 0)
                {
                    Clean();
                }
            }
        }

        PagerStatistics now = pager.GetStatistics();
        Assert.True(now.RecompressedPages > many, $"{now.RecompressedPages} of {many} pages were compressed again");
        Assert.True(now.FilePages < many / 20, $"{now.FilePages} of {many} pages are in the file");

        void Clean()
        {
            while (store.Room.StepAhead() || store.Writeback.InFlight != 0)
            {
                Thread.Yield();
            }
        }
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
