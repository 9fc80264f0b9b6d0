using System.Runtime.CompilerServices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>Exceptions that leases are the cause of say where those were taken, if that is recorded.</summary>
[Collection(Alone.Name)]
public sealed class LeaseTrackerTests
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);

    [Fact]
    public void Dispose_of_a_pager_names_the_oldest_lease_and_where_it_was_taken()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "prices" });
        using (ReadLease<long> ended = array.Read(0))
        {
        }

        WriteLease<long> lease = TakeHere(array, 7);
        string message = Assert.Throws<InvalidOperationException>(pager.Dispose).Message;
        Assert.Contains("1 leases out", message, StringComparison.Ordinal);
        Assert.Contains("page 7 of array 'prices', to write", message, StringComparison.Ordinal);
        Assert.Contains(nameof(TakeHere), message, StringComparison.Ordinal);
        Assert.DoesNotContain("Paging.Residency.LeasePinner", message, StringComparison.Ordinal);
        lease.Dispose();
        pager.Dispose();
    }

    [Fact]
    public void Dispose_of_an_array_names_its_own_leases_only_and_five_of_them()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "mine" });
        using PagedArray<long> other = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "other" });
        using ReadLease<long> ofOther = other.Read(0);
        using (ReadLease<long> a = array.Read(0), b = array.Read(PageLength), c = array.Read(2 * PageLength), d = array.Read(3 * PageLength),
            e = array.Read(4 * PageLength), f = array.Read(5 * PageLength), g = array.Read(0))
        {
            string message = Assert.Throws<InvalidOperationException>(array.Dispose).Message;
            Assert.Contains("7 leases out", message, StringComparison.Ordinal);
            Assert.Contains("5 of 7", message, StringComparison.Ordinal);
            Assert.Equal([0, 1, 2, 3, 4], Pages(message, "mine"));
            Assert.DoesNotContain("'other'", message, StringComparison.Ordinal);
        }

        array.Dispose();
    }

    [Fact]
    public void Nested_leases_on_one_page_end_one_by_one()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "nested" });
        using ReadLease<long> outer = array.Read(0);
        using (WriteLease<long> inner = array.Write(0))
        {
        }

        string message = Assert.Throws<InvalidOperationException>(array.Dispose).Message;
        Assert.Contains("page 0 of array 'nested', to read", message, StringComparison.Ordinal);
        Assert.DoesNotContain("to write", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Owners_and_sequences_end_on_any_thread()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "owned" });
        PageOwner<long> owner = await array.PinAsync(3 * PageLength, cancellationToken: TestContext.Current.CancellationToken);
        PagedSequence<long> sequence = array.ReadSequence(5 * PageLength, 2 * PageLength);
        string message = Assert.Throws<InvalidOperationException>(array.Dispose).Message;
        Assert.Equal([3, 5, 6], Pages(message, "owned"));
        Assert.Contains("by an owner", message, StringComparison.Ordinal);
        await Task.Run(
            () =>
            {
                ((IDisposable)owner).Dispose();
                sequence.Dispose();
            },
            TestContext.Current.CancellationToken);
        array.Dispose();
    }

    [Fact]
    public void A_refusal_since_every_frame_is_pinned_names_leases()
    {
        using Pager pager = Make(frames: 4);
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "pinned" });
        using ReadLease<long> a = array.Read(0);
        using ReadLease<long> b = array.Read(PageLength);
        using ReadLease<long> c = array.Read(2 * PageLength);
        using ReadLease<long> d = array.Read(3 * PageLength);
        string message = Assert.Throws<OutOfPagingSpaceException>(() => array.Read(50 * PageLength).Dispose()).Message;
        Assert.Contains("pinned by a lease", message, StringComparison.Ordinal);
        Assert.Equal([0, 1, 2, 3], Pages(message, "pinned"));
    }

    [Fact]
    public void Where_it_is_not_recorded_exceptions_say_that_it_could_be()
    {
        using Pager pager = Make(tracks: false);
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength);
        using ReadLease<long> lease = array.Read(0);
        Assert.Contains("TrackLeases", Assert.Throws<InvalidOperationException>(array.Dispose).Message, StringComparison.Ordinal);
        Assert.Null(Internals.Domain(pager).Tracker);
    }

    [Fact]
    public void Leases_of_several_threads_are_all_forgotten_when_they_have_ended()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength);
        Crew.Run(
            4,
            thread =>
            {
                for (int i = 0; i < 50; i++)
                {
                    using ReadLease<long> one = array.Read((long)(i * 7 + thread) % 10 * PageLength);
                    using WriteLease<long> two = array.Write((long)(i * 5 + thread) % 10 * PageLength);
                    Assert.True(!array.TryRead(0, out ReadLease<long> three) || three.Span.Length > 0);
                    three.Dispose();
                }
            });
        Assert.Equal(string.Empty, Internals.Domain(pager).Tracker!.Describe(region: null));
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public void A_lost_lease_is_still_named_by_the_pager_but_not_by_the_next_array()
    {
        Pager pager = Make();
        Lose(pager);
        for (int i = 0; i < 50 && pager.GetStatistics().LostFrames == 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(1, pager.GetStatistics().LostFrames);
        Assert.Equal(1, pager.GetStatistics().DroppedArrays);
        Assert.Contains("array 'lost'", Internals.Domain(pager).Tracker!.Describe(region: null), StringComparison.Ordinal);
        Assert.Contains("'lost'", Internals.Domain(pager).Dropped.Describe(), StringComparison.Ordinal);
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength);
        using (ReadLease<long> lease = array.Read(0))
        {
            Assert.DoesNotContain("'lost'", Assert.Throws<InvalidOperationException>(array.Dispose).Message, StringComparison.Ordinal);
        }

        pager.Dispose();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Lose(Pager pager)
        {
            PagedArray<long> array = pager.Allocate<long>(100 * PageLength, new PagedArrayOptions { Name = "lost" });
            ReadLease<long> lease = array.Read(0);
            Assert.Equal(PageLength, lease.Span.Length);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WriteLease<long> TakeHere(PagedArray<long> array, long page) => array.Write(page * PageLength);

    private static IEnumerable<int> Pages(string message, string array) => message.Split('\n')
        .Where(line => line.Contains($"of array '{array}'", StringComparison.Ordinal) && line.StartsWith("- page ", StringComparison.Ordinal))
        .Select(static line => int.Parse(line.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture));

    private static Pager Make(int frames = 200, bool tracks = true) => new(new PagerOptions
    {
        PageBytes = PageBytes,
        ResidentBytes = frames * PageBytes,
        PoolBytes = 2 << 20,
        BackgroundThreads = 0,
        TrackLeases = tracks,
    });
}
