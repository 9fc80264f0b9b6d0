using System.Buffers;
using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Several pages at once, as one sequence.</summary>
public class SequenceTests
{
    private const int PageLength = 512;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(5, 507)]
    [InlineData(5, 508)]
    [InlineData(511, 2)]
    [InlineData(700, 5000)]
    [InlineData(30_000, 720)]
    public void A_sequence_holds_what_a_copy_holds(long start, int length)
    {
        using var held = new Held(60, 1, Held.File());
        held.Fill();
        long[] copy = new long[length];
        held.Array.CopyTo(start, copy);
        using (PagedSequence<long> pages = held.Array.ReadSequence(start, length))
        {
            Assert.Equal(copy, pages.Sequence.ToArray());
            Assert.Equal(length, pages.Sequence.Length);
            Assert.Equal(length == 0 ? 0 : ((start + length - 1) / PageLength) - (start / PageLength) + 1, held.Statistics.Pins);
            if (length > 600)
                Assert.Equal(copy[590], pages.Sequence.Slice(590).FirstSpan[0]);
        }

        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pages_of_a_range_that_lie_side_by_side_in_a_file_are_read_together(bool asSequence)
    {
        using Held held = Stored.InFile(0, out GatedDevice device);
        int first = Stored.FirstInFile(held, 12);
        int before = device.Reads;
        if (asSequence)
            held.Array.ReadSequence(first * PageLength, 12 * PageLength).Dispose();
        else
            held.Array.CopyTo(first * PageLength, new long[12 * PageLength]);
        Assert.InRange(device.Reads - before, 1, 4);
        held.VerifyAll();
    }

    [Fact]
    public void Its_pages_stay_where_they_are_and_show_what_others_write()
    {
        using var held = new Held(60);
        held.Fill();
        using (PagedSequence<long> pages = held.Array.ReadSequence(0, 8 * PageLength))
        {
            for (int page = 20; page < 60; page++)
                held.Verify(page);
            held.Array[5 * PageLength] = 99;
            Assert.Equal(99, pages.Sequence.Slice(5 * PageLength).FirstSpan[0]);
            Assert.Throws<InvalidOperationException>(held.Array.Dispose);
        }

        Assert.Equal(0, held.Statistics.Pins);
    }

    [Fact]
    public void An_empty_one_pins_nothing_wherever_it_is()
    {
        using var held = new Held(20);
        foreach (long start in new[] { 0, 700, held.Array.Length })
        {
            using PagedSequence<long> pages = held.Array.ReadSequence(start, 0);
            Assert.True(pages.Sequence.IsEmpty);
            Assert.Equal(0, held.Statistics.Pins);
        }
    }

    [Fact]
    public void Disposing_it_twice_is_harmless_and_use_afterwards_is_refused()
    {
        using var held = new Held(20);
        held.Fill();
        PagedSequence<long> pages = held.Array.ReadSequence(0, 3 * PageLength);
        ReadOnlySequence<long> sequence = pages.Sequence;
        pages.Dispose();
        pages.Dispose();
        Assert.Equal(0, held.Statistics.Pins);
        Assert.Throws<ObjectDisposedException>(() => pages.Sequence);
        Assert.Throws<ObjectDisposedException>(() => sequence.FirstSpan[0]);
    }

    [Fact]
    public void More_pages_than_frames_are_refused_with_the_figures()
    {
        using var held = new Held(60);
        held.Fill();
        var refusal = Assert.Throws<OutOfPagingSpaceException>(() => held.Array.ReadSequence(0, (Held.Frames * PageLength) + 1));
        Expect.Figure(Held.Frames + 1, refusal.Message);
        Expect.Figure(held.Pager.Options.ResidentBytes, refusal.Message);
        Expect.Figures(refusal, held.Pager);
        held.Array.ReadSequence(0, Held.Frames * PageLength).Dispose();
        held.AssertWithinBudgets();
    }

    [Fact]
    public void One_that_finds_frames_pinned_is_refused_with_the_figures_and_leaves_nothing_pinned()
    {
        using var held = new Held(60);
        held.Fill();
        using (PagedSequence<long> first = held.Array.ReadSequence(0, 10 * PageLength))
        {
            var refusal = Assert.Throws<OutOfPagingSpaceException>(() => held.Array.ReadSequence(20 * PageLength, 7 * PageLength));
            Expect.Figure(Held.Frames, refusal.Message);
            Assert.Equal(10, held.Statistics.Pins);
            held.Array.ReadSequence(20 * PageLength, 6 * PageLength).Dispose();
            Assert.Equal(10, held.Statistics.Pins);
        }

        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    /// <summary>Time stands still: nobody is refused because others are slow.</summary>
    [Theory]
    [InlineData(64, 8, 6)]
    [InlineData(24, 16, 16)]
    [InlineData(16, 4, 3)]
    public void Many_threads_that_each_want_several_of_few_frames_are_all_served(int threads, int frames, int most) => Seeded.Run(seed =>
    {
        var options = Held.Options() with { ResidentBytes = frames * Held.PageBytes };
        using var held = new Held(40, new Pager(options, new PagerTuning { Time = new ManualClock() }));
        held.Fill();
        long[] all = new long[held.Array.Length];
        held.Array.CopyTo(0, all);
        int served = 0;
        Crew.Run(threads, thread =>
        {
            var rng = new Rng(seed + (ulong)thread);
            for (int i = 0; i < 6; i++)
            {
                int pages = 1 + rng.Next(most);
                int start = rng.Next(40 - pages) * PageLength;
                int length = pages * PageLength;
                using (PagedSequence<long> sequence = held.Array.ReadSequence(start, length))
                    Assert.True(sequence.Sequence.ToArray().AsSpan().SequenceEqual(all.AsSpan(start, length)));
                int other = rng.Next(all.Length);
                Assert.Equal(all[other], held.Array[other]);
                using ReadLease<long> lease = held.Array.Read(other);
                Assert.Equal(all[other], lease.Span[0]);
                Interlocked.Increment(ref served);
            }
        });
        Assert.Equal(threads * 6, served);
        Assert.Equal(0, held.Statistics.Pins);
        held.AssertWithinBudgets();
        held.VerifyAll();
    });

    [Fact]
    public void One_with_a_damaged_page_leaves_nothing_pinned()
    {
        using var held = new Held(60);
        held.Fill().PageOut();
        Damage.FlipBodyBit(held.Store, PageWord.Stored(Internals.Pages(held.Array).Region.Load(3)), 100);
        Held.AssertNames(Assert.Throws<PageCorruptedException>(() => held.Array.ReadSequence(0, 6 * PageLength)), 3, inFile: false);
        held.AssertWithinBudgets();
    }

    [Fact]
    public void A_range_outside_the_array_is_refused_with_the_figures()
    {
        var held = new Held(20);
        foreach ((long start, long length) in
            new[] { (-1L, 1L), (0, held.Array.Length + 1), (held.Array.Length, 1), (5, -1), (long.MaxValue, long.MaxValue) })
            Expect.Figure(held.Array.Length, Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.ReadSequence(start, length)).Message);
        held.Dispose();
        Assert.Throws<ObjectDisposedException>(() => held.Array.ReadSequence(0, 1));
    }
}
