using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>Budgets of a live pager that move: what they hold is kept, what they promise is kept, and what cannot be is refused with
/// figures.</summary>
public sealed class ResizeTests
{
    private const int PageBytes = 4 << 10;
    private const long MiB = 1 << 20;

    private static readonly PagerOptions s_options = new()
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 4 * MiB,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    };

    [Theory]
    [InlineData(0, 4 * MiB, "residentBytes")]
    [InlineData(-PageBytes, 4 * MiB, "residentBytes")]
    [InlineData(long.MinValue, 4 * MiB, "residentBytes")]
    [InlineData(4 * PageBytes - 1, 4 * MiB, "residentBytes")]
    [InlineData(16 * 64 * PageBytes + 1, 4 * MiB, "residentBytes")]
    [InlineData(long.MaxValue, 4 * MiB, "residentBytes")]
    [InlineData(64 * PageBytes, 0, "poolBytes")]
    [InlineData(64 * PageBytes, -1, "poolBytes")]
    [InlineData(64 * PageBytes, 100_000, "poolBytes")]
    [InlineData(64 * PageBytes, 65 * MiB, "poolBytes")]
    [InlineData(64 * PageBytes, long.MaxValue, "poolBytes")]
    public void Budgets_out_of_range_are_refused_with_the_figure_and_change_nothing(long resident, long pool, string parameter)
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> array = Filled(pager, 200);
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => pager.Resize(resident, pool));
        Assert.Equal(parameter, e.ParamName);
        Expect.Figure(parameter == "poolBytes" ? pool : resident, e.Message);
        AssertBudgets(pager, s_options.ResidentBytes, s_options.PoolBytes);
        AssertFilled(array);
    }

    [Fact]
    public void A_budget_of_too_few_pages_of_an_array_is_refused_until_the_array_is_gone()
    {
        using var pager = new Pager(s_options);
        using (PagedArray<long> large = pager.Allocate<long>(20_000, new PagedArrayOptions { PageBytes = 16 << 10 }))
        {
            large[3] = 5;
            ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => pager.Resize(8 * PageBytes, 4 * MiB));
            Expect.Figure(16 << 10, e.Message);
            AssertBudgets(pager, s_options.ResidentBytes, s_options.PoolBytes);
            pager.Resize(16 * PageBytes, 4 * MiB);
            Assert.Equal(5, large[3]);
        }

        pager.Resize(8 * PageBytes, 4 * MiB);
        AssertBudgets(pager, 8 * PageBytes, 4 * MiB);
        Assert.Throws<ArgumentOutOfRangeException>(() => pager.Allocate<long>(20_000, new PagedArrayOptions { PageBytes = 16 << 10 }));
        using PagedArray<long> small = Filled(pager, 30);
        AssertFilled(small);
    }

    [Fact]
    public void A_disposed_pager_cannot_be_resized()
    {
        var pager = new Pager(s_options);
        pager.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pager.Resize(s_options.ResidentBytes, s_options.PoolBytes));
    }

    [Theory]
    [InlineData(0, 4 << 10, 64)]
    [InlineData(1, 4 << 10, 64)]
    [InlineData(0, 64 << 10, 2000)]      // granules of 2 MiB
    [InlineData(2, 4 << 10, 20_000)]
    public void What_is_stored_is_kept_down_to_a_tenth_and_back(int backgroundThreads, int pageBytes, int frames)
    {
        long resident = (long)frames * pageBytes;
        long pool = Math.Max(4 * MiB, resident);
        var options = new PagerOptions { ResidentBytes = resident, PoolBytes = pool, PageBytes = pageBytes, BackgroundThreads = backgroundThreads };
        using var pager = new Pager(options);
        using PagedArray<long> array = pager.Allocate<long>(frames * 5L / 4 * pageBytes / sizeof(long));
        FillSparse(array);
        for (int round = 0; round < 2; round++)
        {
            pager.Resize(resident / 10, pool / 10);
            AssertBudgets(pager, resident / 10, pool / 10);
            Assert.True(Internals.Domain(pager).Frames.CommittedBytes <= resident / 10);
            AssertSparse(array);
            pager.Resize(resident, pool);
            AssertSparse(array);
            Assert.True(pager.GetStatistics().ResidentBytes > resident / 2);
        }

        Assert.Equal(options, pager.Options);
    }

    [Fact]
    public void A_budget_grows_beyond_what_the_pager_was_made_with()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> array = Noise(pager, 600, 1);
        pager.Resize(16 * s_options.ResidentBytes, 16 * s_options.PoolBytes);
        using PagedArray<long> more = Noise(pager, 4000, 2);
        Internals.PageOutAll(Internals.Domain(pager));
        AssertNoise(more, 2);
        AssertNoise(array, 1);
        Assert.True(pager.GetStatistics().PoolBytes > s_options.PoolBytes);
        Assert.True(pager.GetStatistics().ResidentBytes > 8 * s_options.ResidentBytes);
    }

    [Fact]
    public void Pages_under_leases_stay_and_holes_around_them_are_given_back()
    {
        const int Frames = 20_000;
        using var pager = new Pager(s_options with { ResidentBytes = (long)Frames * PageBytes, PoolBytes = 128 * MiB });
        using PagedArray<long> array = pager.Allocate<long>((long)Frames * PageBytes / sizeof(long));
        FillSparse(array);
        using (ReadLease<long> first = array.Read(0), middle = array.Read(array.Length / 2), last = array.Read(array.Length - 1))
        {
            pager.Resize(8 * PageBytes, 128 * MiB);
            Assert.Equal(8, Internals.Domain(pager).Frames.Class(PageBytes).Frames);
            Assert.Equal(array.Length / 2, middle.Span[0]);
            Assert.Equal(array.Length / 2, array[array.Length / 2]);
            AssertSparse(array);
            pager.Resize((long)Frames * PageBytes, 128 * MiB);
            AssertSparse(array);
        }

        Assert.Equal((long)Frames * PageBytes, Internals.Domain(pager).Frames.CommittedBytes);
        AssertSparse(array);
    }

    [Fact]
    public void More_pins_than_the_budget_pays_for_refuse_with_figures_and_the_old_budgets_hold()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> array = Filled(pager, 200);
        using (ReadLease<long> a = array.Read(0), b = array.Read(512), c = array.Read(1024), d = array.Read(1536), e = array.Read(2048))
        {
            OutOfPagingSpaceException refused = Assert.Throws<OutOfPagingSpaceException>(() => pager.Resize(4 * PageBytes, 4 * MiB));
            Expect.Figure(5, refused.Message);
            Expect.Figure(4 * PageBytes, refused.Message);
            Assert.Contains("pinned", refused.Message, StringComparison.Ordinal);
            Assert.Equal(5, refused.Statistics.Pins);
            AssertBudgets(pager, s_options.ResidentBytes, s_options.PoolBytes);
            AssertFilled(array);
            Assert.Equal(s_options.ResidentBytes, pager.GetStatistics().ResidentBytes);
        }

        pager.Resize(4 * PageBytes, 4 * MiB);
        AssertFilled(array);
    }

    [Fact]
    public void A_pool_that_cannot_hold_what_lives_in_it_refuses_and_the_old_budgets_hold()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> array = Noise(pager, 700, 5);
        OutOfPagingSpaceException refused = Assert.Throws<OutOfPagingSpaceException>(() => pager.Resize(s_options.ResidentBytes, 2 * MiB));
        Expect.Figure(2 * MiB, refused.Message);
        AssertBudgets(pager, s_options.ResidentBytes, s_options.PoolBytes);
        AssertNoise(array, 5);
        array.Discard(array.Length / 4, array.Length - (array.Length / 4));
        pager.Resize(s_options.ResidentBytes / 2, 2 * MiB);
        AssertBudgets(pager, s_options.ResidentBytes / 2, 2 * MiB);
        Assert.True(Internals.Domain(pager).Swap.Budget.CommittedBytes <= 2 * MiB);
    }

    [Fact]
    public void Frames_whose_pages_find_no_room_refuse_and_a_pool_that_grows_at_once_takes_them()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 256 * PageBytes, PoolBytes = 2 * MiB });
        using PagedArray<long> array = Noise(pager, 600, 9);
        Assert.Throws<OutOfPagingSpaceException>(() => pager.Resize(16 * PageBytes, 2 * MiB));
        AssertBudgets(pager, 256 * PageBytes, 2 * MiB);
        AssertNoise(array, 9);
        pager.Resize(16 * PageBytes, 4 * MiB);
        AssertBudgets(pager, 16 * PageBytes, 4 * MiB);
        AssertNoise(array, 9);
    }

    [Fact]
    public void A_pool_that_shrinks_writes_to_files_what_does_not_fit()
    {
        using var pager = new Pager(s_options with { SwapFiles = [Held.File(16 * MiB)] });
        using PagedArray<long> array = Noise(pager, 700, 3);
        pager.Resize(8 * PageBytes, MiB);
        Assert.True(pager.GetStatistics().Writebacks > 0);
        Assert.True(Internals.Domain(pager).Swap.Budget.CommittedBytes <= MiB);
        AssertNoise(array, 3);
        pager.Resize(s_options.ResidentBytes, s_options.PoolBytes);
        AssertNoise(array, 3);
    }

    [Fact]
    public void Copies_of_pages_in_frames_make_room_when_the_pool_shrinks()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 512 * PageBytes });
        using PagedArray<long> array = Noise(pager, 500, 4);
        Internals.PageOutAll(Internals.Domain(pager));
        AssertNoise(array, 4);      // in frames now, each with its copy
        Assert.True(pager.GetStatistics().PoolStoredBytes > 3 * MiB / 2);
        pager.Resize(512 * PageBytes, MiB);
        AssertNoise(array, 4);
        Assert.True(Internals.Domain(pager).Swap.Budget.CommittedBytes <= MiB);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Four_threads_at_work_lose_nothing_and_are_refused_nothing_while_the_budgets_move(
        int backgroundThreads, bool withFile) => Seeded.Run(seed =>
    {
        const int Pages = 100;
        using var pager = new Pager(s_options with
        {
            ResidentBytes = 200 * PageBytes,
            PoolBytes = 8 * MiB,
            BackgroundThreads = backgroundThreads,
            SwapFiles = withFile ? [Held.File(16 * MiB)] : [],
        });
        Held[] parts = [.. Enumerable.Range(0, 4).Select(_ => new Held(Pages, pager))];
        foreach (Held part in parts)
            part.Fill();
        using var stop = new CancellationTokenSource();
        Held.WorkTogether(parts, seed, operations: int.MaxValue, stop: stop.Token, meanwhile: () =>
        {
            try
            {
                // What they hold is 1.6 MiB: a third of the pool takes it with what it holds back.
                for (int round = 0; round < 20; round++)
                {
                    pager.Resize(20 * PageBytes, 8 * MiB / 3);
                    Assert.True(pager.GetStatistics().ResidentBytes <= 20 * PageBytes);
                    pager.Resize(200 * PageBytes, 8 * MiB);
                }
            }
            finally
            {
                stop.Cancel();
            }
        });
        foreach (Held part in parts)
            part.Dispose();
    });

    [Fact]
    public void Resizes_by_several_threads_take_turns()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> array = Filled(pager, 300);
        Crew.Run(4, number =>
        {
            for (int round = 0; round < 10; round++)
            {
                pager.Resize((8 + number) * PageBytes, (number + 8) * MiB / 4);
                AssertFilled(array);
            }
        });
        PagerStatistics now = pager.GetStatistics();
        long number = (now.ResidentBudgetBytes / PageBytes) - 8;
        AssertBudgets(pager, (8 + number) * PageBytes, (number + 8) * MiB / 4);
    }

    [Fact]
    public void The_collector_is_told_no_more_than_the_budgets_of_the_moment()
    {
        using var pager = new Pager(s_options with { PoolBytes = 16 * MiB });
        using PagedArray<long> array = pager.Allocate<long>(6000L * PageBytes / sizeof(long));
        FillSparse(array);
        Assert.True(Internals.Domain(pager).Pressure.ToldBytes > 12 * MiB);
        pager.Resize(16 * PageBytes, 4 * MiB);
        Assert.InRange(Internals.Domain(pager).Pressure.ToldBytes, 1, 5 * MiB);
    }

    [Fact]
    public void Everything_that_follows_from_the_budgets_follows()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 4096 * PageBytes, PoolBytes = 32 * MiB });
        PagingDomain domain = Internals.Domain(pager);
        using PagedArray<long> array = Filled(pager, 100);
        Paging.Memory.FrameClass frames = domain.Frames.Class(PageBytes);
        Paging.Swap.SegmentLog log = domain.Swap.Segments.Logs[0]!;
        (long high, int kept, int writers, int chunks) = (Reclaimer.High(frames), frames.KeptClean, log.WritersInUse, log.Chunks.Affordable);
        pager.Resize(8 * PageBytes, 4 * MiB);
        Assert.Equal(1, Reclaimer.High(frames));
        Assert.Equal(2, frames.KeptClean);
        Assert.Equal(8, frames.MaxFrames);
        Assert.InRange(log.Chunks.Affordable, chunks / 9, chunks / 8);
        Assert.InRange(log.WritersInUse, 1, Math.Max(1, log.Chunks.Affordable / 16));
        Assert.Throws<OutOfPagingSpaceException>(() => array.ReadSequence(0, 9 * PageBytes / sizeof(long)));
        pager.Resize(4096 * PageBytes, 32 * MiB);
        Assert.Equal((high, kept, writers, chunks), (Reclaimer.High(frames), frames.KeptClean, log.WritersInUse, log.Chunks.Affordable));
    }

    private static void AssertBudgets(Pager pager, long resident, long pool)
    {
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((resident, pool), (now.ResidentBudgetBytes, now.PoolBudgetBytes));
        Assert.InRange(now.ResidentBytes, 0, resident);
        Assert.InRange(now.PoolBytes, 0, pool);
    }

    private static PagedArray<long> Filled(Pager pager, int pages)
    {
        PagedArray<long> array = pager.Allocate<long>((long)pages * PageBytes / sizeof(long));
        for (long i = 0; i < array.Length; i++)
            array[i] = i;
        return array;
    }

    private static void AssertFilled(PagedArray<long> array)
    {
        for (long i = 0; i < array.Length; i++)
        {
            if (array[i] != i)
                Assert.Fail($"Element {i} is {array[i]}.");
        }
    }

    /// <summary>A few elements of each page.</summary>
    private static void FillSparse(PagedArray<long> array)
    {
        for (long page = 0; page < array.PageCount; page++)
            (array[page * array.PageLength], array[(page * array.PageLength) + array.PageLength - 1]) = (page * array.PageLength, ~page);
    }

    private static void AssertSparse(PagedArray<long> array)
    {
        for (long page = 0; page < array.PageCount; page++)
        {
            if (array[page * array.PageLength] != page * array.PageLength || array[(page * array.PageLength) + array.PageLength - 1] != ~page)
                Assert.Fail($"Page {page} has lost what it held.");
        }
    }

    private static PagedArray<long> Noise(Pager pager, int pages, ulong salt)
    {
        PagedArray<long> array = pager.Allocate<long>((long)pages * PageBytes / sizeof(long));
        var page = new long[array.PageLength];
        for (long i = 0; i < pages; i++)
        {
            Content.Write<long>(ContentKind.Noise, salt + (ulong)i, page);
            array.CopyFrom(i * page.Length, page);
        }

        return array;
    }

    private static void AssertNoise(PagedArray<long> array, ulong salt)
    {
        var page = new long[array.PageLength];
        var seen = new long[array.PageLength];
        for (long i = 0; i < array.PageCount; i++)
        {
            Content.Write<long>(ContentKind.Noise, salt + (ulong)i, page);
            array.CopyTo(i * page.Length, seen);
            Assert.True(page.AsSpan().SequenceEqual(seen), $"Page {i} has lost what it held.");
        }
    }
}
