using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Memory;
using Paging.Tests.Face;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>Native memory is released exactly once, whoever is the last to let go.</summary>
[Collection(Alone.Name)]
public sealed class LifetimeTests
{
    private static readonly PagerOptions s_options = new()
    {
        PageBytes = 4096,
        ResidentBytes = 64 << 10,
        PoolBytes = 1 << 20,
        BackgroundThreads = 0,
    };

    [Fact]
    public void A_disposed_pager_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        using var pager = new Pager(s_options);
        PagedArray<int> array = Fill(pager);
        pager.Swap.Store(new byte[1000]);
        pager.Dispose();
        pager.Dispose();
        array.Dispose();
    });

    [Fact]
    public void Arrays_disposed_before_or_after_their_pager_leave_nothing_reserved() => AssertAllReleased(static () =>
    {
        var pager = new Pager(s_options);
        PagedArray<int> before = Fill(pager);
        PagedArray<int> after = Fill(pager);
        before.Dispose();
        pager.Dispose();
        after.Dispose();
    });

    [Fact]
    public void A_dropped_pager_leaves_nothing_reserved() => AssertAllReleased(static () => Fill(new Pager(s_options)));

    [Fact]
    public void A_dropped_pager_with_background_threads_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        Thread[] threads = [];
        Run(() =>
        {
            var pager = new Pager(s_options with { BackgroundThreads = 2 });
            threads = Internals.BackgroundThreads(pager);
            Fill(pager);
        });

        // In the middle of a step a thread keeps its pager; once there is nothing to do it lets go, and ends when the pager has gone.
        while (threads.Any(static thread => thread.IsAlive))
        {
            Figures.Collect();
        }
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_dropped_pager_that_was_asked_for_pages_leaves_nothing_reserved(int threads)
    {
        Figures.Collect();
        long before = Reservation.OutstandingBytes;
        Run(() =>
        {
            PagedArray<int> array = Fill(new Pager(s_options with { BackgroundThreads = threads }));
            Ahead.Prefetch(array, 0, 3 * 1024).GetAwaiter().GetResult();
            ReadLease<int> lease;
            while (!array.TryRead(20_000, out lease))
            {
                Thread.Yield();
            }

            lease.Dispose();
            array.ReadSequence(2000, 3000).Dispose();

            // Dropped, and never used.
            Ahead.PinNow(array, 0);

            // Under way, and of no interest to anybody.
            _ = Ahead.Prefetch(array, 10_000, 20_000);
        });

        // A thread keeps its pager in the middle of a step, and what is queued does.
        while (Reservation.OutstandingBytes != before)
        {
            Figures.Collect();
        }
    }

    [Fact]
    public void A_dropped_array_gives_its_pages_back_to_its_pager()
    {
        using var pager = new Pager(s_options);
        Run(() => Fill(pager));
        Figures.Collect();
        PagerStatistics statistics = pager.GetStatistics();
        Assert.Equal((0, 0, 0), (statistics.ResidentBytes, statistics.PoolLogicalBytes, statistics.Pins));
    }

    [Fact]
    public void A_lease_dropped_with_its_array_keeps_its_frame()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 4 * 4096 });
        nint leased = 0;
        Run(() => leased = Leak(pager));
        Figures.Collect();
        Assert.Equal(1, pager.GetStatistics().Pins);

        // The other frames go round and round; whoever still has the span sees what was in it.
        using PagedArray<int> array = Fill(pager);
        for (int i = 0; i < 40_000; i += 512)
        {
            Assert.Equal(i, array[i]);
        }

        Assert.Equal(4711, Marshal.ReadInt32(leased));
        Assert.Equal(3, (pager.GetStatistics().ResidentBytes / 4096) - 1);
    }

    [Fact]
    public void A_pager_that_cannot_be_made_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_options with { PageBytes = 4095 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_options with { ResidentBytes = 3 * 4096 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_options with { PoolBytes = 1000 }));
    });

    [Fact]
    public void An_array_that_cannot_be_made_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        using var pager = new Pager(s_options);
        Assert.Throws<ArgumentOutOfRangeException>(() => pager.Allocate<byte>(long.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => pager.Allocate<byte>(100, new PagedArrayOptions { PageBytes = 4 << 20 }));
        pager.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pager.Allocate<byte>(100));
    });

    [Fact]
    public void Page_tables_of_dropped_arrays_are_used_again() => AssertAllReleased(static () =>
    {
        using var pager = new Pager(s_options);
        for (int round = 0; round < 50; round++)
        {
            // Half a table slab each: without reuse, fifty of them would reserve more and more.
            Run(() => pager.Allocate<byte>(1L << 32).Dispose());
            Figures.Collect();
        }

        long reserved = Reservation.OutstandingBytes;
        Run(() => pager.Allocate<byte>(1L << 32).Dispose());
        Assert.Equal(reserved, Reservation.OutstandingBytes);
    });

#if DEBUG
    [Fact]
    public void Every_interleaving_of_allocating_and_disposing_leaves_nothing_reserved() =>
        AssertAllReleased(static () => Exploration.AssertHoldsUpTo(ClosingScenarios.PagerDisposedAgainstAllocation, 500));

    [Fact]
    public void Every_interleaving_of_closing_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        foreach (Scenario scenario in ClosingScenarios.All)
        {
            Exploration.AssertHoldsUpTo(scenario, 40);
        }
    });
#endif

#if DEBUG
    [Fact]
    public void Every_interleaving_of_bringing_pages_in_leaves_nothing_reserved() => AssertAllReleased(static () =>
    {
        foreach (Scenario scenario in PrefetchScenarios.All)
        {
            Exploration.AssertHoldsUpTo(scenario, 40);
        }
    });
#endif

    private static PagedArray<int> Fill(Pager pager)
    {
        PagedArray<int> array = pager.Allocate<int>(40_000);
        for (int i = 0; i < 40_000; i += 512)
        {
            array[i] = i;
        }

        return array;
    }

    private static unsafe nint Leak(Pager pager)
    {
        PagedArray<byte> array = pager.Allocate<byte>(4096);
        WriteLease<byte> lease = array.Write(0);
        fixed (byte* page = lease.Span)
        {
            *(int*)page = 4711;
            return (nint)page;
        }
    }

    private static void AssertAllReleased(Action action)
    {
        Figures.Collect();
        long before = Reservation.OutstandingBytes;
        Run(action);
        Figures.Collect();
        Assert.Equal(before, Reservation.OutstandingBytes);
    }

    /// <summary>In a frame of its own, so that nothing stays on the stack.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run(Action action) => action();
}
