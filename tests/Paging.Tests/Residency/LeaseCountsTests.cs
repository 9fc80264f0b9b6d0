#if DEBUG
using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Protocol;

namespace Paging.Tests.Protocol;

/// <summary>Leases are counted by pager and by thread, with nothing shared on the way.</summary>
[Collection(Alone.Name)]
public sealed class LeaseCountsTests
{
    [Fact]
    public void Leases_of_all_threads_are_counted_each_for_its_pager()
    {
        using Pager one = Make(), two = Make();
        using PagedArray<long> first = one.Allocate<long>(10_000), second = two.Allocate<long>(10_000);
        using var isTaken = new Barrier(4);
        using var isSeen = new Barrier(4);
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(i => new Thread(() =>
        {
            using ReadLease<long> a = first.Read(0), b = first.Read(512 * i);
            using WriteLease<long> c = second.Write(0);
            first[700] = i;
            isTaken.SignalAndWait();
            isSeen.SignalAndWait();
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        isTaken.SignalAndWait(TestContext.Current.CancellationToken);
        (long Pins, long Other) seen = (one.GetStatistics().Pins, two.GetStatistics().Pins);
        isSeen.SignalAndWait(TestContext.Current.CancellationToken);
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal((6, 3), seen);
        Assert.Equal((0, 0), (one.GetStatistics().Pins, two.GetStatistics().Pins));
    }

    [Fact]
    public void Threads_that_have_ended_leave_no_rows_behind()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(1000);
        int before = LeaseCounts.Rows;
        for (int i = 0; i < 200; i++)
        {
            var thread = new Thread(() => array.Read(0).Dispose());
            thread.Start();
            thread.Join();
        }

        Assert.InRange(LeaseCounts.Rows, 1, before + 1);
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public void A_lease_that_its_thread_never_gave_back_stays_counted_and_is_not_the_next_threads()
    {
        Pager pager = Make();
        PagedArray<long> array = pager.Allocate<long>(1000);
        var thread = new Thread(() => _ = array.Read(0).Span.Length);
        thread.Start();
        thread.Join();
        long held = -1;
        var next = new Thread(() =>
        {
            array.Read(0).Dispose();
            held = LeaseCounts.OfThisThread(Internals.Domain(pager).LeaseSlot);
        });
        next.Start();
        next.Join();
        Assert.Equal((1, 0), (pager.GetStatistics().Pins, held));
        Assert.Throws<InvalidOperationException>(pager.Dispose);
        GC.KeepAlive(array);
    }

    [Fact]
    public void Pagers_beyond_those_that_have_a_slot_count_their_leases_too()
    {
        Pager[] pagers = [.. Enumerable.Range(0, LeaseCounts.Slots).Select(static _ => Make())];
        Pager last = pagers[^1];
        Assert.Equal(LeaseCounts.SharedSlot, Internals.Domain(last).LeaseSlot);
        using (PagedArray<long> array = last.Allocate<long>(1000))
        {
            using (ReadLease<long> lease = array.Read(0), other = array.Read(600))
            {
                Assert.Equal(2, last.GetStatistics().Pins);
                Assert.Equal(0, pagers[0].GetStatistics().Pins);
            }

            Assert.Equal(0, last.GetStatistics().Pins);
        }

        Array.ForEach(pagers, static pager => pager.Dispose());
    }

    [Fact]
    public void What_lives_in_the_pool_is_never_more_than_the_pool()
    {
        var budget = new PoolBudget(1 << 20);
        budget.ChargeUnsynchronized(1 << 16);
        budget.Add(units: 1 << 12, encodedBytes: 1 << 16);
        Assert.Equal((1 << 16, 1 << 16), budget.Snapshot());
        budget.Add(units: 1, encodedBytes: 1);
        (long live, long committed) = budget.Snapshot();
        Assert.Equal(1 << 16, committed);
        Assert.InRange(live, 0, committed);
    }

    private static Pager Make() => new(new PagerOptions { PageBytes = 4096, ResidentBytes = 64 << 10, PoolBytes = 1 << 20, BackgroundThreads = 0 });
}
#endif
