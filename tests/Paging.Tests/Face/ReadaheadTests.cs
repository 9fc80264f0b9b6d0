using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>Pages that come in ahead of a reader who goes on in equal steps. The threads that bring them in are those of the pager or of
/// the thread pool; what they are in time for is left to them, and what is asserted holds either way.</summary>
public class ReadaheadTests
{
    private const int PageLength = 512;

    [Theory]
    [InlineData(1, PageAdvice.Normal, 1)]
    [InlineData(2, PageAdvice.Normal, -1)]
    [InlineData(1, PageAdvice.Normal, 3)]
    [InlineData(1, PageAdvice.Sequential, 1)]
    [InlineData(0, PageAdvice.Sequential, 1)]
    [InlineData(0, PageAdvice.Loop, 1)]
    public void A_reader_in_equal_steps_finds_its_pages_read_ahead_and_whole(int threads, PageAdvice advice, int step)
    {
        using var held = new Held(128, threads);
        held.Fill().PageOut();
        held.Array.Advise(0, held.Array.Length, advice);

        // The threads come for it sooner or later, as long as somebody reads pages that are out.
        while (held.Statistics.PrefetchedPages < 50)
        {
            held.PageOut();
            for (int i = 0; i < held.Pages; i += Math.Abs(step))
                held.Verify(step > 0 ? i : held.Pages - 1 - i);
        }

        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    [Theory]
    [InlineData(64)]
    [InlineData(256)]
    public void Large_pages_in_many_frames_are_read_ahead_from_a_file_in_sets_that_are_as_long_as_they_may_be(int kibibytes)
    {
        // More frames than sixteen batches: then a batch is longer than a set of pages of this size.
        const int Frames = 600;
        int pageBytes = kibibytes << 10;
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = (long)Frames * pageBytes,
            PoolBytes = 16L << 20,
            PageBytes = pageBytes,
            BackgroundThreads = 1,
        });
        Internals.AddDevice(Internals.Domain(pager), new Swap.Devices.Doubles.MemoryDevice(16 << 20));
        int length = pageBytes / sizeof(long);
        using PagedArray<long> array = pager.Allocate<long>((long)Frames * 5 / 4 * length);
        for (long page = 0; page < array.Length / length; page++)
        {
            array[page * length] = page + 1;
            array[(page * length) + length - 1] = ~page;
        }

        array.Advise(0, array.Length, PageAdvice.Sequential);
        while (pager.GetStatistics().PrefetchedPages < Frames / 4)
        {
            Internals.PageOutAll(Internals.Domain(pager));
            for (long page = 0; page < array.Length / length; page++)
                Assert.Equal((page + 1, ~page), (array[page * length], array[(page * length) + length - 1]));
        }
    }

    [Theory]
    [InlineData(0, PageAdvice.Normal)]
    [InlineData(0, PageAdvice.Random)]
    [InlineData(2, PageAdvice.Random)]
    public void Nothing_is_read_ahead_where_no_thread_is_there_for_it_or_the_order_is_random(int threads, PageAdvice advice)
    {
        using var held = new Held(64, threads);
        held.Fill().PageOut();
        held.Array.Advise(0, held.Array.Length, PageAdvice.Sequential);
        held.Array.Advise(5, 1, advice);
        for (int i = 0; i < 3; i++)
            held.VerifyAll();
        Assert.Equal(0, held.Statistics.PrefetchedPages);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_and_shuffled_orders_waste_less_than_one_fault_in_a_hundred(int seed)
    {
        var random = new Random(seed);
        using var held = new Held(150, backgroundThreads: 1);
        held.Fill().PageOut();
        int[] order = [.. Enumerable.Range(0, held.Pages)];
        for (int round = 0; round < 80; round++)
        {
            random.Shuffle(order);
            foreach (int page in order)
                _ = held.Array[(long)(round % 2 == 0 ? page : random.Next(held.Pages)) * PageLength];
        }

        held.PageOut();
        PagerStatistics now = held.Statistics;
        Assert.True(now.PrefetchWasted < now.Faults / 100, $"seed {seed}: {now}");
    }

    [Fact]
    public void Pages_read_ahead_take_a_quarter_of_the_frames_at_most_whoever_reads()
    {
        using var held = new Held(80, backgroundThreads: 1);
        using var other = new Held(80, held.Pager);
        held.Fill();
        other.Fill().PageOut();
        PagingDomain domain = Internals.Domain(held.Pager);
        for (int page = 0; page < held.Pages; page++)
        {
            held.Verify(page);
            other.Verify(held.Pages - 1 - page);
            Assert.InRange(domain.Frames.Class(Held.PageBytes).Replacement.FramesAhead, 0, (Held.Frames / 4) + 2);
        }
    }

    [Fact]
    public void An_array_and_a_pager_are_disposed_under_a_reader_and_readahead()
    {
        for (int round = 0; round < 20; round++)
        {
            using var held = new Held(64, backgroundThreads: 2);
            held.Fill().PageOut();
            for (int page = 0; page < 5 + round; page++)
                held.Verify(page);
            if (round % 2 == 0)
                held.Array.Dispose();
        }
    }

    [Fact]
    public void Faults_of_streams_allocate_nothing()
    {
        using var held = new Held(150, backgroundThreads: 1);
        held.Fill().PageOut();
        held.VerifyAll();
        Assert.Equal(0, Codecs.Allocations.Least(
            () =>
            {
                for (int page = 0; page < 150; page++)
                    _ = held.Array[page * PageLength];
            },
            150));
    }
}
