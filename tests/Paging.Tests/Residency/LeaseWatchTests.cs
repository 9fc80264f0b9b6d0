#if DEBUG
using Paging.Residency;
using Paging.Tests.Protocol;

namespace Paging.Tests.Protocol;

/// <summary>Which leases are counted by looking at their pages, and which one by one.</summary>
[Collection(Alone.Name)]
public sealed class LeaseWatchTests
{
    private const int PageLength = 4096 / sizeof(long);
    private const int PartPages = 512;

    [Fact]
    public void Leases_are_counted_the_same_on_watched_pages_and_on_others()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>((LeaseWatch.MaxParts + 20) * PartPages * (long)PageLength);
        LeaseWatch watch = Internals.Domain(pager).Watch;
        TouchAll(array);
        Assert.InRange(watch.Count, LeaseWatch.MaxParts - 8, LeaseWatch.MaxParts);
        Assert.Equal(0, pager.GetStatistics().Pins);
        using (
            ReadLease<long> watched = array.Read(0),
            other = array.Read(array.Length - 1),
            far = array.Read(array.Length - (PartPages * 10L * PageLength)))
        {
            Assert.Equal(1, watch.CountPins());
            Assert.Equal(3, pager.GetStatistics().Pins);
            Assert.Equal(2, LeaseCounts.OfThisThread(Internals.Domain(pager).LeaseSlot));
        }

        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public void Parts_that_are_hot_come_in_when_all_places_are_taken()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>((LeaseWatch.MaxParts + 20) * PartPages * (long)PageLength);
        TouchAll(array);
        int slot = Internals.Domain(pager).LeaseSlot;
        using ReadLease<long> held = array.Read(0);
        bool isWatched = false;
        for (int i = 0; i < 40 * LeaseCounts.Period && !isWatched; i++)
        {
            using ReadLease<long> lease = array.Read(array.Length - 1);
            isWatched = LeaseCounts.OfThisThread(slot) == 0;
        }

        Assert.True(isWatched);
        Assert.Equal(1, pager.GetStatistics().Pins);
    }

    [Fact]
    public void Where_a_thread_can_lease_all_frames_its_leases_are_known_as_its_own()
    {
        using var pager = new Pager(new PagerOptions { PageBytes = 4096, ResidentBytes = 64 << 10, PoolBytes = 1 << 20, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength);
        using ReadLease<long> lease = array.Read(0);
        Assert.True(Internals.Domain(pager).HoldsLeases);
        Assert.Equal(0, Internals.Domain(pager).Watch.Count);
    }

    [Fact]
    public void Who_waits_for_leases_that_may_be_its_own_is_refused_and_knows_its_own_the_next_time()
    {
        const int Frames = 128;
        using var pager = new Pager(new PagerOptions { PageBytes = 4096, ResidentBytes = Frames << 12, PoolBytes = 2 << 20, BackgroundThreads = 0 });
        using PagedArray<long> array = pager.Allocate<long>(200 * PageLength);
        PagingDomain domain = Internals.Domain(pager);
        var refusals = new List<(long Pins, bool Own)>();
        Lease(0);
        for (int i = 0; i < 4; i++)
        {
            for (int page = 0; page < 200; page++)
                array.Read(page * PageLength).Dispose();
        }

        Lease(0);
        Assert.Equal([(Frames, false), (Frames, true)], refusals);
        Assert.Equal(0, pager.GetStatistics().Pins);

        void Lease(int page)
        {
            try
            {
                using ReadLease<long> lease = array.Read(page * PageLength);
                Lease(page + 1);
            }
            catch (OutOfPagingSpaceException)
            {
                refusals.Add((pager.GetStatistics().Pins, domain.HoldsLeases));
            }
        }
    }

    [Fact]
    public void An_array_that_goes_leaves_its_place_to_others()
    {
        using Pager pager = Make();
        LeaseWatch watch = Internals.Domain(pager).Watch;
        for (int i = 0; i < 3 * LeaseWatch.MaxParts; i++)
        {
            using PagedArray<long> array = pager.Allocate<long>(PageLength * (1 + (i % 600L)));
            using (ReadLease<long> lease = array.Read(0), last = array.Read(array.Length - 1))
                Assert.Equal(2, pager.GetStatistics().Pins);
            Assert.InRange(watch.Count, 1, 2);
        }

        Assert.Equal(0, watch.Count);
    }

    /// <summary>So many pages in each part that their words are in a table, not in nodes.</summary>
    private static void TouchAll(PagedArray<long> array)
    {
        for (long page = 0; page < array.PageCount; page += page % PartPages == PageDirectory.MaxNodes ? PartPages - PageDirectory.MaxNodes : 1)
            array.Write(page * PageLength).Dispose();
    }

    private static Pager Make() => new(new PagerOptions { PageBytes = 4096, ResidentBytes = 4 << 20, PoolBytes = 8 << 20, BackgroundThreads = 0 });
}
#endif
