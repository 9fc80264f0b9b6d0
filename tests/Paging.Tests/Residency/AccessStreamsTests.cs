using Paging.Residency;

namespace Paging.Tests.Residency;

/// <summary>What is found in the faults of an array, without a pager.</summary>
public class AccessStreamsTests
{
    private const int Limit = 64;

    public static TheoryData<long> Strides => [1, -1, 2, -2, 4, 7, -7, 100, -1000];

    [Theory]
    [MemberData(nameof(Strides))]
    public void Equal_steps_are_found_after_a_few_faults_and_read_ahead_farther_and_farther(long stride)
    {
        var streams = new AccessStreams(1_000_000, Limit);
        long start = 500_000;
        int faults = 0;
        while (!streams.OnFault(start + (faults * stride)))
            Assert.InRange(++faults, 0, 6);
        int distance = 0;
        for (int i = 0; i < 40; i++)
        {
            Reader.DrainOf(streams, out List<long> taken);
            if (i == 0)
                Assert.Equal([start + ((faults + 1) * stride)], taken);
            Assert.All(taken, page => Assert.Equal(0, (page - start) % stride));

            // The reader is faster: it has to wait for the page behind the last one.
            faults += taken.Count + 1;
            Assert.True(streams.OnFault(start + (faults * stride)));
            Assert.True(streams.DistanceOf(0) >= distance);
            distance = streams.DistanceOf(0);
        }

        Assert.Equal(Limit, distance);
    }

    [Fact]
    public void A_reader_that_does_not_have_to_wait_is_followed_as_it_was()
    {
        AccessStreams streams = Found(0, out long last);
        for (int i = 0; i < 5; i++)
            Assert.True(streams.OnFault(++last));
        int distance = streams.DistanceOf(0);
        for (int i = 0; i < 100; i++)
        {
            Reader.DrainOf(streams, out _);
            Assert.Equal(distance, streams.AheadOf(0));
            streams.OnUsed(0, distance);
            last += distance;
            Assert.Equal(last, streams.PageAt(0, 0));
            Assert.Equal(distance, streams.DistanceOf(0));
        }
    }

    [Fact]
    public void A_reader_that_has_caught_up_keeps_the_next_pages_and_what_was_taken_of_them_is_left()
    {
        AccessStreams streams = Found(0, out long last);
        for (int i = 0; i < Limit; i++)
            Assert.True(streams.OnFault(++last));
        Assert.Equal(Limit, streams.DistanceOf(0));
        List<StreamPage> taken = [];
        while (streams.TryTake(0, out StreamPage page))
            taken.Add(page);
        Assert.DoesNotContain(taken, page => streams.IsLeft(page));

        // It comes to the tenth of them before anybody has brought it in.
        Assert.True(streams.OnFault(last = taken[9].Page));
        long own = last + (Limit / 4);
        for (int i = 0; i < Limit / 4; i++)
        {
            Assert.All(taken, page => Assert.Equal(page.Page <= own, streams.IsLeft(page)));
            Assert.True(streams.OnFault(++last));
        }

        // What is its own does not move on with each fault, but with the first behind it.
        Assert.True(streams.OnFault(++last));
        Assert.All(taken, page => Assert.Equal(page.Page <= last + (Limit / 4), streams.IsLeft(page)));
    }

    [Fact]
    public void Pages_that_are_there_already_shorten_the_distance_down_to_one()
    {
        AccessStreams streams = Found(0, out long last);
        for (int i = 0; i < 20; i++)
            Assert.True(streams.OnFault(++last));
        for (int distance = streams.DistanceOf(0); distance > 1; distance--)
        {
            streams.OnFault(++last);
            int before = streams.DistanceOf(0);
            Assert.True(streams.TryTake(0, out StreamPage taken));
            streams.OnBroughtIn(taken, isFilled: false, isHit: true);
            Assert.Equal(Math.Max(1, before - 1), streams.DistanceOf(0));
            while (streams.TryTake(0, out taken))
                streams.OnBroughtIn(taken, isFilled: false, isHit: true);
        }

        Assert.InRange(streams.DistanceOf(0), 1, Limit);
        while (streams.TryTake(0, out StreamPage rest))
            streams.OnBroughtIn(rest, isFilled: false, isHit: true);
        Assert.False(streams.IsBroughtIn(0, 1));
    }

    [Fact]
    public void Who_reads_several_streams_in_turns_has_all_of_them_found()
    {
        var streams = new AccessStreams(1_000_000, Limit);
        (long At, long Step)[] readers = [(1000, 1), (90_000, -1), (300_000, 1), (700_000, 3)];
        bool[] found = new bool[readers.Length];
        for (int i = 0; i < 20; i++)
        {
            for (int reader = 0; reader < readers.Length; reader++)
            {
                found[reader] = streams.OnFault(readers[reader].At);
                readers[reader].At += readers[reader].Step;
            }
        }

        Assert.All(found, Assert.True);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(1000)]
    [InlineData(100_000)]
    public void Random_and_shuffled_orders_are_no_streams(int pages)
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            var random = new Random(seed);
            foreach (bool isShuffled in new[] { false, true })
            {
                var streams = new AccessStreams(pages, Limit);
                int[] order = [.. Enumerable.Range(0, pages)];
                long faults = 0;
                long taken = 0;
                while (faults < 20_000)
                {
                    random.Shuffle(order);
                    for (int i = 0; i < pages && faults < 20_000; i++, faults++)
                    {
                        streams.OnFault(isShuffled ? order[i] : random.Next(pages));
                        taken += Reader.DrainOf(streams, out _);
                    }
                }

                Assert.True(taken < faults / 100, $"seed {seed}, {pages} pages: {taken} of {faults} faults read ahead");
            }
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(20)]
    public void Short_runs_in_random_places_are_soon_not_read_beyond(int length)
    {
        var streams = new AccessStreams(1_000_000, Limit);
        var random = new Random(length);
        long wasted = 0;
        for (int run = 0; run < 1000; run++)
        {
            long at = random.Next(900_000);
            var known = new HashSet<long>();
            for (int i = 0; i < length; i++)
            {
                if (!known.Remove(at + i))
                    streams.OnFault(at + i);
                Reader.DrainOf(streams, out List<long> taken);
                known.UnionWith(taken);
            }

            wasted += known.Count;
        }

        Assert.True(wasted < 1000L * length, $"{wasted} pages in vain");
        if (length == 4)
            Assert.True(wasted < 100, $"{wasted} pages in vain");
    }

    [Fact]
    public void Sequential_reads_are_followed_from_the_first_fault_and_backwards_from_the_second()
    {
        var streams = new AccessStreams(1000, Limit);
        streams.SetPattern(PageAdvice.Sequential, 0, 1000);
        Assert.True(streams.OnFault(100));
        Assert.Equal(AccessStreams.KnownDistance, Reader.DrainOf(streams, out List<long> taken));
        Assert.Equal([101, 102, 103, 104, 105, 106, 107, 108], taken);
        Assert.True(streams.OnFault(99));
        Reader.DrainOf(streams, out taken);
        Assert.Equal([98, 97, 96, 95, 94, 93, 92, 91], taken);
    }

    [Fact]
    public void A_loop_goes_on_at_its_beginning_and_not_past_itself()
    {
        var streams = new AccessStreams(1000, Limit);
        streams.SetPattern(PageAdvice.Loop, 100, 120);
        var seen = new List<long>();
        for (int i = 0; i < 60; i++)
        {
            Assert.True(streams.OnFault(100 + (i % 20)));
            Reader.DrainOf(streams, out List<long> taken);
            Assert.All(taken, static page => Assert.InRange(page, 100, 119));
            Assert.InRange(streams.AheadOf(0), 0, 19);
            seen.AddRange(taken);
        }

        Assert.True(seen.Count(static page => page == 100) >= 2);
    }

    [Fact]
    public void Nothing_is_read_ahead_in_random_order_and_what_was_known_is_forgotten()
    {
        AccessStreams streams = Found(10, out long last);
        streams.SetPattern(PageAdvice.Random, 0, 1000);
        for (int i = 1; i < 100; i++)
            Assert.False(streams.OnFault(last + i));
        Assert.Equal(0, Reader.DrainOf(streams, out _));
        streams.SetPattern(PageAdvice.Normal, 0, 1000);
        Assert.False(streams.OnFault(200));
        Assert.False(streams.OnFault(201));
        Assert.True(streams.OnFault(202));
    }

    [Fact]
    public void Streams_end_with_the_array()
    {
        AccessStreams streams = Found(990, out long last);
        while (last < 998)
            streams.OnFault(++last);
        Reader.DrainOf(streams, out List<long> taken);
        Assert.All(taken, static page => Assert.Equal(999, page));
        var back = new AccessStreams(1000, Limit);
        for (long page = 9; page > 0; page--)
            back.OnFault(page);
        Reader.DrainOf(back, out taken);
        Assert.All(taken, static page => Assert.Equal(0, page));
    }

    /// <summary>Against a reader with frames of its own: whatever it does, pages taken are in the array, not taken twice while they are
    /// ahead, and none of those that it has passed in its stream.</summary>
    [Fact]
    public void Whatever_a_reader_does_pages_are_taken_once_and_ahead_of_it()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            int pages = random.Next(10, 500);
            var streams = new AccessStreams(pages, random.Next(1, Limit), random.Next(1, 100)) { IsSlow = random.Next(2) == 0 };
            PageAdvice pattern = (PageAdvice)random.Next(4);
            long first = random.Next(pages);
            streams.SetPattern(pattern, first, Math.Min(pages, first + random.Next(pages)));
            long at = random.Next(pages);
            long step = random.Next(-3, 4);
            for (int i = 0; i < 400; i++)
            {
                if (random.Next(20) == 0)
                    (at, step) = (random.Next(pages), random.Next(-3, 4));
                at = ((at + step) % pages + pages) % pages;
                streams.OnFault(at);
                for (int stream = 0; stream < AccessStreams.MaxStreams; stream++)
                {
                    if (!streams.IsStream(stream))
                    {
                        Assert.False(streams.TryTake(stream, out _));
                        continue;
                    }

                    var ahead = new HashSet<long>();
                    for (int k = 0; k <= streams.AheadOf(stream); k++)
                        ahead.Add(streams.PageAt(stream, k));
                    while (random.Next(8) != 0 && streams.TryTake(stream, out StreamPage taken))
                    {
                        Assert.InRange(taken.Page, 0, pages - 1);
                        Assert.True(ahead.Add(taken.Page), $"seed {seed}: page {taken.Page} twice");
                        Assert.Equal(taken.Page, streams.PageAt(stream, streams.AheadOf(stream)));
                        Assert.False(streams.IsBroughtIn(stream, streams.AheadOf(stream)));
                        bool isFilled = random.Next(4) != 0;
                        streams.OnBroughtIn(taken, isFilled, !isFilled && random.Next(2) == 0);
                        Assert.Equal(isFilled, streams.IsBroughtIn(stream, streams.AheadOf(stream)));
                        if (random.Next(50) == 0)
                        {
                            streams.Stop(taken);
                            Assert.False(streams.IsStream(stream));
                        }
                    }

                    if (streams.AheadOf(stream) > 0 && random.Next(3) == 0)
                        streams.OnUsed(stream, random.Next(1, streams.AheadOf(stream) + 1));
                }
            }
        }
    }

    [Fact]
    public void A_reader_that_has_caught_up_leaves_nothing_to_itself_that_is_not_being_read()
    {
        // Where a page takes a device's time, a page that nobody has begun to read would cost the reader a read of its own.
        var streams = new AccessStreams(10_000, AccessStreams.MaxDistance, slowBatch: 64) { IsSlow = true };
        var taken = new List<StreamPage>();
        for (long page = 0; page < 2000; page++)
        {
            streams.OnFault(page);
            Assert.All(taken, page => Assert.True(!streams.IsPassed(page) || streams.IsLeft(page)));
            taken.RemoveAll(page => streams.IsPassed(page));
            for (int stream = 0; stream < AccessStreams.MaxStreams; stream++)
            {
                int own = 0;
                while (streams.IsStream(stream) && streams.TryTake(stream, out StreamPage next))
                {
                    taken.Add(next);
                    own += streams.IsLeft(next) ? 1 : 0;
                }

                Assert.Equal(0, own);
            }
        }
    }

    private static AccessStreams Found(long start, out long last)
    {
        var streams = new AccessStreams(1000, Limit);
        last = start;
        while (!streams.OnFault(last))
            last++;
        return streams;
    }

    private static class Reader
    {
        /// <summary>Takes all that there is to take, as if each page came in.</summary>
        public static int DrainOf(AccessStreams streams, out List<long> pages)
        {
            pages = [];
            for (int stream = 0; stream < AccessStreams.MaxStreams; stream++)
            {
                while (streams.TryTake(stream, out StreamPage taken))
                    pages.Add(taken.Page);
            }

            return pages.Count;
        }
    }
}
