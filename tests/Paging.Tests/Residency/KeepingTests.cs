using Paging.Memory;
using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>What the background does about memory, second by second of a clock that the test turns: budgets that follow what is left, and
/// memory given back that is not in use.</summary>
public sealed class KeepingTests
{
    private const int PageBytes = 4 << 10;
    private const long MiB = 1 << 20;

    private static readonly PagerOptions s_options = new()
    {
        ResidentBytes = 512 * PageBytes,
        PoolBytes = 16 * MiB,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    };

    [Fact]
    public void A_pool_that_is_a_tenth_alive_shrinks_within_a_minute()
    {
        (Pager pager, ManualClock clock, _) = Make(s_options);
        using (pager)
        {
            using PagedArray<long> array = Noise(pager, 3000);
            Internals.PageOutAll(Internals.Domain(pager));
            long full = pager.GetStatistics().PoolBytes;
            Assert.True(full > 11 * MiB);
            for (long page = 0; page < array.PageCount; page++)
            {
                if (page % 10 != 0)
                    array.Discard(page * array.PageLength, array.PageLength);
            }

            Assert.True(pager.GetStatistics().PoolBytes > full / 2);
            PassSeconds(pager, clock, 60);
            Assert.InRange(pager.GetStatistics().PoolBytes, 0, full * 2 / 5);
            AssertNoise(array, page => page % 10 == 0);
        }
    }

    [Fact]
    public void What_is_kept_free_for_faster_faults_halves_within_a_second()
    {
        (Pager pager, ManualClock clock, _) = Make(s_options);
        using (pager)
        {
            using PagedArray<byte> array = pager.Allocate<byte>(PageBytes);
            FrameClass frames = Internals.Region(array).Frames;
            Reclaimer reclaimer = Internals.Domain(pager).Reclaimer;
            frames.Lead = 64;
            frames.LeadChanged = clock.GetTimestamp();
            reclaimer.Step();
            Assert.Equal(64, frames.Lead);
            for (int look = 0; look < 100; look++)
            {
                clock.Advance(TimeSpan.FromMilliseconds(10));
                reclaimer.Step();
            }

            Assert.InRange(frames.Lead, 20, 32);

            // However seldom it looks.
            frames.Lead = 64;
            clock.Advance(TimeSpan.FromSeconds(1));
            reclaimer.Step();
            Assert.InRange(frames.Lead, 20, 32);
            clock.Advance(TimeSpan.FromDays(1));
            reclaimer.Step();
            Assert.Equal(0, frames.Lead);
        }
    }

    [Fact]
    public void A_pool_between_two_bursts_keeps_its_memory()
    {
        (Pager pager, ManualClock clock, _) = Make(s_options);
        using (pager)
        {
            for (int round = 0; round < 10; round++)
            {
                using PagedArray<long> array = Noise(pager, 3000);
                Internals.PageOutAll(Internals.Domain(pager));
                PassSeconds(pager, clock, 4);
                for (long page = 0; page < array.PageCount; page++)
                {
                    if (page % 10 != 0)
                        array.Discard(page * array.PageLength, array.PageLength);
                }

                long before = pager.GetStatistics().PoolBytes;
                PassSeconds(pager, clock, 5);
                Assert.Equal(before, pager.GetStatistics().PoolBytes);
            }
        }
    }

    [Fact]
    public void Frames_that_stay_free_are_given_back_within_a_minute()
    {
        (Pager pager, ManualClock clock, _) = Make(s_options);
        using (pager)
        {
            using PagedArray<long> small = Noise(pager, 20);
            using (PagedArray<long> large = Noise(pager, 450))
            {
                PassSeconds(pager, clock, 3);
            }

            FramePool frames = Internals.Domain(pager).Frames;
            Assert.True(frames.CommittedBytes >= 470 * PageBytes);
            for (int i = 0; i < 60; i++)
            {
                _ = small[0];
                PassSeconds(pager, clock, 1);
            }

            Assert.InRange(frames.CommittedBytes, 0, 200 * PageBytes);
            AssertNoise(small, static _ => true);
            using PagedArray<long> again = Noise(pager, 450);
            AssertNoise(again, static _ => true);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_idle_pager_gives_back_a_fifth_of_what_is_cold_within_a_minute_and_half_at_most(bool withFile)
    {
        (Pager pager, ManualClock clock, _) = Make(s_options with { SwapFiles = withFile ? [Held.File(32 * MiB)] : [] });
        using (pager)
        {
            using PagedArray<long> array = Noise(pager, 2000);
            PagingDomain domain = Internals.Domain(pager);
            PassSeconds(pager, clock, 2);
            long frames = domain.Frames.CommittedBytes;
            PassSeconds(pager, clock, 60);
            Assert.InRange(domain.Frames.CommittedBytes, frames / 2 - PageBytes, frames * 4 / 5);
            PassSeconds(pager, clock, 200);
            Assert.InRange(domain.Frames.CommittedBytes, frames / 2 - PageBytes, frames * 4 / 5);

            // A write that was begun counts when it has ended, however soon all these seconds have passed.
            while (domain.Swap.Writeback.InFlight != 0)
            {
                Thread.Yield();
            }

            Assert.Equal(withFile, pager.GetStatistics().Writebacks > 0);
            AssertNoise(array, static _ => true);
        }
    }

    [Fact]
    public void Pages_that_are_used_without_faults_are_not_evicted()
    {
        (Pager pager, ManualClock clock, _) = Make(s_options);
        using (pager)
        {
            using PagedArray<long> array = Noise(pager, 100);
            long faults = pager.GetStatistics().Faults;
            for (int i = 0; i < 60; i++)
            {
                AssertNoise(array, static _ => true);
                PassSeconds(pager, clock, 1);
            }

            Assert.InRange(pager.GetStatistics().Faults - faults, 0, 10);
        }
    }

    [Fact]
    public void Budgets_follow_what_is_left_between_floors_and_ceilings_and_come_back()
    {
        (Pager pager, ManualClock clock, FakeMemory memory) = Make(
            s_options with { FollowMemoryPressure = true, MinResidentBytes = 64 * PageBytes, MinPoolBytes = 4 * MiB });
        using (pager)
        {
            using PagedArray<long> array = Noise(pager, 600);
            PassSeconds(pager, clock, 20);
            AssertBudgets(pager, 512 * PageBytes, 16 * MiB);
            memory.Reading = new MemoryReading(0, 64 * MiB, 0);
            PassSeconds(pager, clock, 10);
            PagerStatistics low = pager.GetStatistics();
            Assert.InRange(low.ResidentBudgetBytes, 64 * PageBytes, 80 * PageBytes);
            Assert.InRange(low.PoolBudgetBytes, 4 * MiB, 5 * MiB);
            PagingDomain domain = Internals.Domain(pager);
            Assert.True(domain.Frames.CommittedBytes <= low.ResidentBudgetBytes && domain.Swap.Budget.CommittedBytes <= low.PoolBudgetBytes);
            AssertNoise(array, static _ => true);
            memory.Reading = new MemoryReading(1L << 40, 1L << 41, 0);
            PassSeconds(pager, clock, 20);
            Assert.InRange(pager.GetStatistics().PoolBudgetBytes, 4 * MiB + 1, 15 * MiB);
            PassSeconds(pager, clock, 60);
            AssertBudgets(pager, 512 * PageBytes, 16 * MiB);
            AssertNoise(array, static _ => true);
        }
    }

    [Fact]
    public void A_program_is_refused_nothing_that_the_ceilings_would_give_it()
    {
        (Pager pager, ManualClock clock, FakeMemory memory) = Make(s_options with { FollowMemoryPressure = true });
        using (pager)
        {
            memory.Reading = new MemoryReading(0, 64 * MiB, 50);
            PassSeconds(pager, clock, 10);
            Assert.True(pager.GetStatistics().PoolBudgetBytes < 2 * MiB);
            using PagedArray<long> array = Noise(pager, 3000);
            using PagedArray<long> large = pager.Allocate<long>(1 << 20, new PagedArrayOptions { PageBytes = 256 << 10 });
            large[5] = 6;
            PassSeconds(pager, clock, 10);
            AssertNoise(array, static _ => true);
            Assert.Equal(6, large[5]);
        }
    }

    [Fact]
    public void Resize_sets_the_ceilings()
    {
        (Pager pager, ManualClock clock, FakeMemory memory) = Make(s_options with { FollowMemoryPressure = true });
        using (pager)
        {
            pager.Resize(256 * PageBytes, 8 * MiB);
            PassSeconds(pager, clock, 60);
            AssertBudgets(pager, 256 * PageBytes, 8 * MiB);
            memory.Reading = new MemoryReading(0, 64 * MiB, 50);
            PassSeconds(pager, clock, 10);
            Assert.True(pager.GetStatistics().PoolBudgetBytes < 2 * MiB);
            memory.Reading = null;      // nothing is known: nothing changes
            PassSeconds(pager, clock, 100);
            Assert.True(pager.GetStatistics().PoolBudgetBytes < 2 * MiB);
        }
    }

    [Fact]
    public void Whatever_is_read_contents_and_bounds_hold() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        (Pager pager, ManualClock clock, FakeMemory memory) = Make(
            s_options with { FollowMemoryPressure = true, MinResidentBytes = 16 * PageBytes, MinPoolBytes = 2 * MiB });
        using (pager)
        {
            using PagedArray<long> array = Noise(pager, 600);
            for (int i = 0; i < 150; i++)
            {
                memory.Reading = new MemoryReading(rng.Next(40 * MiB), 64 * MiB, rng.Chance(20) ? rng.Next(100) : 0);
                PassSeconds(pager, clock, 1 + rng.Next(3));
                AssertPage(array, rng.Next(array.PageCount));
                PagerStatistics now = pager.GetStatistics();
                PagingDomain domain = Internals.Domain(pager);
                Assert.InRange(now.ResidentBudgetBytes, 16 * PageBytes, 512 * PageBytes);
                Assert.InRange(now.PoolBudgetBytes, 2 * MiB, 16 * MiB);
                Assert.InRange(domain.Frames.CommittedBytes, 0, now.ResidentBudgetBytes);
                Assert.InRange(domain.Swap.Budget.CommittedBytes, 0, now.PoolBudgetBytes);
            }

            AssertNoise(array, static _ => true);
        }
    });

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(512 * PageBytes + 1, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 16 * MiB + 1)]
    public void Floors_out_of_range_are_refused_with_the_figure(long resident, long pool)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(
            () => new Pager(s_options with { MinResidentBytes = resident, MinPoolBytes = pool }));
        Expect.Figure(resident != 0 ? resident : pool, e.Message);
    }

    private static (Pager Pager, ManualClock Clock, FakeMemory Memory) Make(PagerOptions options)
    {
        var clock = new ManualClock();
        var memory = new FakeMemory();
        return (new Pager(options, new PagerTuning { Time = clock, Memory = memory }), clock, memory);
    }

    private static void PassSeconds(Pager pager, ManualClock clock, int seconds)
    {
        PagingDomain domain = Internals.Domain(pager);
        for (int i = 0; i < seconds; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            domain.Step(worker: 0, out _);
        }
    }

    private static void AssertBudgets(Pager pager, long resident, long pool)
    {
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((resident, pool), (now.ResidentBudgetBytes, now.PoolBudgetBytes));
    }

    private static PagedArray<long> Noise(Pager pager, int pages)
    {
        PagedArray<long> array = pager.Allocate<long>((long)pages * PageBytes / sizeof(long));
        var page = new long[array.PageLength];
        for (long i = 0; i < pages; i++)
        {
            Content.Write<long>(ContentKind.Noise, (ulong)i, page);
            array.CopyFrom(i * page.Length, page);
        }

        return array;
    }

    private static void AssertNoise(PagedArray<long> array, Func<long, bool> which)
    {
        for (long i = 0; i < array.PageCount; i++)
        {
            if (which(i))
                AssertPage(array, i);
        }
    }

    private static void AssertPage(PagedArray<long> array, long number)
    {
        var page = new long[array.PageLength];
        var seen = new long[array.PageLength];
        Content.Write<long>(ContentKind.Noise, (ulong)number, page);
        array.CopyTo(number * page.Length, seen);
        Assert.True(page.AsSpan().SequenceEqual(seen), $"Page {number} has lost what it held.");
    }
}
