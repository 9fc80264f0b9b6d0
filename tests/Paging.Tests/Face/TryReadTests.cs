using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Reading without waiting: a page that is there, or none, and then it is on its way.</summary>
public class TryReadTests
{
    [Fact]
    public void A_page_in_a_frame_gives_a_lease_to_its_end_or_that_of_the_array()
    {
        using var working = new Working();
        Internals.PageOutAll(Internals.Domain(working.Pager));
        using PagedArray<int> array = working.Pager.Allocate<int>(3000);
        array.Fill(0, 3000, 7);
        foreach ((long start, int length) in new[] { (0L, 1024), (1L, 1023), (1023L, 1), (1024L, 1024), (2048L, 952), (2999L, 1) })
        {
            Assert.True(array.TryRead(start, out ReadLease<int> lease));
            Assert.Equal(length, lease.Span.Length);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(7));
            Assert.Equal(1, working.Pager.GetStatistics().Pins);
            lease.Dispose();
            Assert.Equal(0, working.Pager.GetStatistics().Pins);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_page_that_is_not_in_a_frame_is_brought_in_for_who_asks_again(int threads)
    {
        using var held = new Held(60, threads);
        held.Fill().PageOut();
        held.Array.Advise(0, held.Array.Length, PageAdvice.Random);
        for (int page = 0; page < held.Pages; page++)
            AwaitAndVerify(held, page);
        Assert.Equal(0, held.Statistics.Pins);
        Assert.Equal(0, held.Statistics.PrefetchedPages);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Nor_is_one_in_a_file_read_by_who_asks(int threads)
    {
        using var held = new Held(600, threads);
        var device = new GatedDevice(new MemoryDevice(Held.FileBytes));
        held.AddDevice(device);
        held.Fill().PageOut();
        Assert.NotEqual(0, held.Statistics.FilePages);
        int self = Environment.CurrentManagedThreadId;
        for (int page = 0; page < held.Pages; page += 11)
        {
            bool wasHere = false;
            device.BeforeRead(1, () => wasHere |= Environment.CurrentManagedThreadId == self);
            ReadLease<long> lease;
            while (!held.Array.TryRead(page * 512L, out lease))
                Thread.Yield();
            lease.Dispose();
            Assert.False(Volatile.Read(ref wasHere));
            held.Verify(page);
        }
    }

    [Fact]
    public void An_untouched_page_is_given_a_frame_of_zeroes()
    {
        using var working = new Working(backgroundThreads: 1);
        using PagedArray<int> array = working.Pager.Allocate<int>(1 << 22);
        foreach (long start in new[] { 0L, 1 << 21, (1 << 22) - 1 })
        {
            ReadLease<int> lease;
            while (!array.TryRead(start, out lease))
                Thread.Yield();
            using (lease)
            {
                array[start] = 8;
                Assert.Equal(8, lease.Span[0]);
            }
        }
    }

    [Fact]
    public void A_start_outside_the_array_is_refused_with_the_figures()
    {
        using var working = new Working();
        foreach (long start in new[] { -1, working.Array.Length, long.MaxValue, long.MinValue })
        {
            var refusal = Assert.Throws<ArgumentOutOfRangeException>(() => working.Array.TryRead(start, out _));
            Expect.Figure(working.Array.Length, refusal.Message);
        }

        working.IsWhole();
    }

    [Fact]
    public void A_disposed_array_says_so_and_so_does_a_disposed_pager()
    {
        var working = new Working();
        PagedArray<int> array = working.Pager.Allocate<int>(3000);
        array[0] = 1;
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => array.TryRead(0, out _));
        working.IsWhole();
        working.Dispose();
        Assert.Throws<ObjectDisposedException>(() => working.Array.TryRead(0, out _));
    }

    [Fact]
    public void A_lease_of_it_keeps_the_array_from_being_disposed()
    {
        using var working = new Working();
        working.Array[0] = working.Array[0];
        Assert.True(working.Array.TryRead(0, out ReadLease<int> lease));
        using (lease)
            Assert.Contains("1 lease", Assert.Throws<InvalidOperationException>(working.Array.Dispose).Message, StringComparison.Ordinal);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void With_every_frame_pinned_it_says_no_and_nothing_comes_of_it_until_leases_end(int threads)
    {
        using var held = new Held(40, threads);
        held.Fill().PageOut();
        Nest(0);
        AwaitAndVerify(held, 39);

        void Nest(int page)
        {
            using ReadLease<long> lease = held.Array.Read(page * 512L);
            if (page + 1 < Held.Frames)
            {
                Nest(page + 1);
                return;
            }

            for (int i = 0; i < 200; i++)
            {
                Assert.False(held.Array.TryRead(39 * 512L, out _));
                Thread.Yield();
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public unsafe void A_damaged_page_is_never_there_and_reading_it_says_why(int threads)
    {
        using var held = new Held(40, threads);
        held.Fill().PageOut();
        PagedRegion region = Internals.Pages(held.Array).Region;
        ulong word = region.Load(3);
        Assert.Equal(PageState.Swapped, PageWord.State(word));
        Damage.FlipBodyBit(held.Store, PageWord.Stored(word), 100);
        while (held.Statistics.CorruptedPages < 3)
        {
            Assert.False(held.Array.TryRead(3 * 512, out _));
            Thread.Yield();
        }

        Held.AssertNames(Assert.Throws<PageCorruptedException>(() => held.Array.Read(3 * 512).Dispose()), 3, inFile: false);
        AwaitAndVerify(held, 4);
    }

    private static void AwaitAndVerify(Held held, int page)
    {
        ReadLease<long> lease;
        while (!held.Array.TryRead(page * 512L, out lease))
            Thread.Yield();
        long first = lease.Span[0];
        lease.Dispose();
        Assert.Equal(first, held.Array[page * 512L]);
        held.Verify(page);
    }
}
