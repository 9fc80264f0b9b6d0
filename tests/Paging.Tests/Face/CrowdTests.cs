using Paging.Stress.Driver;

namespace Paging.Tests.Face;

/// <summary>More threads than frames, and page sizes that need each other's: as long as leases end, no access is refused.</summary>
public class CrowdTests
{
    private const int PageBytes = 64 << 10;

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, 2)]
    public void Eight_threads_with_a_lease_each_share_four_frames(bool writes, int backgroundThreads)
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 4 * PageBytes,
            PoolBytes = 8 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = backgroundThreads,
        });
        using PagedArray<long> array = pager.Allocate<long>(8L * PageBytes / sizeof(long));
        Together(8, i =>
        {
            long start = (long)i * array.PageLength;
            for (int round = 0; round < 60; round++)
            {
                if (writes)
                {
                    using WriteLease<long> lease = array.Write(start);
                    Assert.Equal(round, lease.Span[7]);
                    Thread.Yield();
                    lease.Span[7] = round + 1;
                }
                else
                {
                    using ReadLease<long> lease = array.Read(start);
                    Thread.Yield();
                    Assert.Equal(0, lease.Span[7]);
                }
            }
        });
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    /// <summary>A guard, as threads happen to run: what makes a refusal certain is the seeded scenario of a page size that gets its frames
    /// from another.</summary>
    [Fact]
    public void A_second_page_size_always_gets_its_frames_from_the_first()
    {
        for (ulong round = 0; round < 24; round++)
        {
            using var pager = new Pager(new PagerOptions
            {
                ResidentBytes = 512 << 10,
                PoolBytes = 4 << 20,
                PageBytes = 4 << 10,
                BackgroundThreads = 0,
                SwapFiles = [new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 16 << 20 }],
            });
            using PagedArray<long> small = pager.Allocate<long>(12_500_000 / sizeof(long));
            using PagedArray<long> large = pager.Allocate<long>(2_000_000 / sizeof(long), new PagedArrayOptions { PageBytes = 16 << 10 });
            ulong seed = round * 3;
            Together(3, i =>
            {
                var rng = new Rng(seed + (ulong)i);
                for (int step = 0; step < 250; step++)
                {
                    if (i == 2)
                    {
                        large[rng.Next(large.Length)] = step;
                        continue;
                    }

                    using WriteLease<long> lease = small.Write(rng.Next(small.PageCount) * small.PageLength);
                    Content.Write(ContentKind.Noise, rng.Next(), lease.Span);
                }
            });
        }
    }

    [Fact]
    public void A_refusal_says_how_many_frames_of_which_size_are_pinned()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 64 << 10, PoolBytes = 2 << 20, PageBytes = 16 << 10, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(100_000);
        using PagedArray<long> small = pager.Allocate<long>(100_000, new PagedArrayOptions { PageBytes = 4 << 10 });
        using ReadLease<long> first = array.Read(0), second = array.Read(2048), third = array.Read(4096);
        using ReadLease<long> fourth = small.Read(0), fifth = small.Read(512), sixth = small.Read(1024), seventh = small.Read(1536);
        OutOfPagingSpaceException refused = Assert.Throws<OutOfPagingSpaceException>(() => array[8192] = 1);
        Assert.Contains("3 of 16,384 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Contains("7 leases out", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pool is full", refused.Message, StringComparison.Ordinal);
        Assert.Equal(7, refused.Statistics.Pins);
    }

    [Fact]
    public void Sixty_four_threads_on_eighty_frames_all_finish()
    {
        const int PageBytes = 4 << 10;
        const int Threads = 64;
        const int Operations = 150;
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 80 * PageBytes,
            PoolBytes = 8 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 1,
        });
        using PagedArray<int> array = pager.Allocate<int>(1000 * (PageBytes / sizeof(int)));
        var counts = new int[Threads];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            var random = new Random(number);
            for (int i = 0; i < Operations; i++)
            {
                // An element that is this thread's own, in any of the pages.
                long at = (random.Next(1000) * (long)array.PageLength) + number;
                using (WriteLease<int> lease = array.Write(at, 1))
                    lease.Span[0] = number + 1;
                counts[number] += array[at] == number + 1 ? 1 : 0;
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(counts, count => Assert.Equal(Operations, count));
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    /// <summary>Runs an action on threads of their own, all at once. Throws what any of them threw.</summary>
    private static void Together(int count, Action<int> action)
    {
        using var start = new Barrier(count);
        Task.WaitAll([.. Enumerable.Range(0, count).Select(i => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                action(i);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))]);
    }
}
