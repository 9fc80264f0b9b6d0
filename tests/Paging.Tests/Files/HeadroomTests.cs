using Paging.Stress.Driver;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Files;

/// <summary>How much of a pool lies free beside a swap file: much while stores fill it, little while pages are only read.</summary>
public sealed class HeadroomTests
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);
    private const int StoredBytes = PageBytes + 32; // these pages do not shrink

    [Fact]
    public void Pages_that_fit_come_back_into_the_pool_and_stay()
    {
        Seeded.Run(seed =>
        {
            Rng rng = new(seed);
            const long PoolBytes = 16 << 20;
            using Pager pager = Open(PoolBytes);
            using PagedArray<long> array = Fill(pager, (long)(PoolBytes * 0.94 / StoredBytes), rng);
            WhatTheBackgroundDoes(pager);
            Assert.True(pager.GetStatistics().FilePages > array.PageCount / 50, $"{pager.GetStatistics()}");
            for (int pass = 0; pass < 24; pass++)
            {
                Read(array, rng);
                WhatTheBackgroundDoes(pager);
            }

            PagerStatistics before = pager.GetStatistics();
            Read(array, rng);
            PagerStatistics now = pager.GetStatistics();
            Assert.InRange(now.FaultsFromFile - before.FaultsFromFile, 0, array.PageCount / 100);
            Assert.Equal(before.BytesWritten, now.BytesWritten);
        });
    }

    [Fact]
    public void It_shrinks_with_pages_that_are_turned_away_and_is_back_with_the_segments_that_stores_open()
    {
        Headroom headroom = new(new PoolBudget(1 << 20), segmentBytes: 16 << 10);
        Assert.Equal((2, 2, 6, 64), (headroom.Of(1), headroom.Of(32), headroom.Of(100), headroom.Of(100_000)));
        TurnAway(pages: 3);
        Assert.Equal(6, headroom.Of(100));
        TurnAway(pages: 1);
        Assert.Equal(5, headroom.Of(100));

        // However many there are, the least stays.
        TurnAway(pages: 100);
        Assert.Equal((2, 60), (headroom.Of(100), headroom.Of(100_000)));
        headroom.NoteTakenUnsynchronized(segments: 100);
        Assert.Equal(3, headroom.Of(100));

        // What was turned away before does not count any more.
        TurnAway(pages: 3);
        headroom.NoteTakenUnsynchronized(segments: 100);
        TurnAway(pages: 3);
        Assert.Equal(4, headroom.Of(100));
        for (int i = 0; i < 10; i++)
            headroom.NoteTakenUnsynchronized(segments: 100);
        Assert.Equal(6, headroom.Of(100));

        // A pool that has shrunk since has nothing to give back that it never had.
        TurnAway(pages: 1000, segments: 1024);
        Assert.Equal((2, 2), (headroom.Of(1024), headroom.Of(100)));
        headroom.NoteTakenUnsynchronized(segments: 100);
        Assert.Equal(3, headroom.Of(100));

        void TurnAway(int pages, int segments = 100)
        {
            for (int i = 0; i < pages; i++)
                headroom.NoteTurnedAway(PageBytes, segments);
        }
    }

    private static Pager Open(long poolBytes) => new(new PagerOptions
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = poolBytes,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
        SwapFiles = [Held.File(2 * poolBytes)],
    });

    private static PagedArray<long> Fill(Pager pager, long pages, Rng rng)
    {
        PagedArray<long> array = pager.Allocate<long>(pages * PageLength);
        for (long page = 0; page < pages; page++)
        {
            using WriteLease<long> lease = array.Write(page * PageLength);
            for (int i = 1; i < PageLength; i++)
                lease.Span[i] = (long)rng.Next();
            lease.Span[0] = page;

            // As often as a thread would that has a processor for itself.
            if (page % 16 == 0)
                WhatTheBackgroundDoes(pager);
        }

        return array;
    }

    private static void Read(PagedArray<long> array, Rng rng)
    {
        for (long i = 0; i < array.PageCount; i++)
        {
            long page = rng.Next(array.PageCount);
            Assert.Equal(page, array[page * PageLength]);
        }
    }

    private static void WhatTheBackgroundDoes(Pager pager)
    {
        SwapStore store = Internals.Domain(pager).Swap;
        while (store.Room.StepAhead() || store.Writeback.InFlight != 0)
            Thread.Yield();
    }
}
