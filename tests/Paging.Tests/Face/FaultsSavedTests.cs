using Paging.Residency;
using Paging.Tests.Codecs;
using Paging.Tests.Model;

namespace Paging.Tests.Face;

/// <summary>What <see cref="PagerStatistics.FaultsSaved"/> says, beside what pagers with more frames do save on the same accesses.</summary>
/// <remarks>On one thread, without background threads, each run of a seed is like any other.</remarks>
public sealed class FaultsSavedTests
{
    private const int PageBytes = 4096;

    [Theory]
    [InlineData(256, 512, 40, 0.1)]
    [InlineData(256, 1_024, 100, 0.08)]
    [InlineData(1_000, 2_000, 40, 0.15)]
    [InlineData(8, 16, 40, 0.1)]
    public void Of_a_loop(int frames, int pages, int rounds, double tolerance) =>
        AssertAgrees(frames, pages, [.. Enumerable.Range(0, rounds * pages).Select(i => i % pages)], tolerance);

    [Fact]
    public void Of_a_loop_with_rests() =>
        AssertAgrees(32, 64, [.. Enumerable.Range(0, 400_000).Select(i => i % 64)], 0.1, rests: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Of_accesses_of_fixed_frequencies(int seed)
    {
        const int Pages = 4_000;
        AssertAgrees(500, Pages, Zipf(seed, Pages, 120_000), 0.1);
    }

    [Fact]
    public void A_fresh_scan_saves_nothing()
    {
        const int Pages = 20_000;
        using Replay replay = new(256, Pages);
        replay.Run(Enumerable.Range(0, Pages));
        Assert.Equal((0, 0, 0), replay.Pager.GetStatistics().FaultsSaved);
    }

    [Fact]
    public void Nothing_is_said_before_enough_is_known()
    {
        using Replay replay = new(256, 1_000);
        AssertUnknown(replay.Pager);
        replay.Run(Enumerable.Range(0, 100));
        AssertUnknown(replay.Pager);
        for (int i = 0; i < 100; i++)
        {
            replay.Run(Enumerable.Range(0, 100));
        }

        // Hits are no faults.
        AssertUnknown(replay.Pager);
    }

    [Fact]
    public void Nothing_is_said_of_few_frames()
    {
        using Replay replay = new(7, 20);
        for (int i = 0; i < 100; i++)
        {
            replay.Run(Enumerable.Range(0, 20));
        }

        AssertUnknown(replay.Pager);
    }

    [Fact]
    public void Both_page_sizes_count_by_their_faults()
    {
        const int Frames = 64;
        using Pager pager = Make(10 * Frames);
        using PagedArray<byte> small = pager.Allocate<byte>(40_000L * PageBytes);
        using PagedArray<byte> large = pager.Allocate<byte>(1_000L * 4 * PageBytes, new() { PageBytes = 4 * PageBytes });
        for (long i = 0; i < 40_000; i++)
        {
            small.Read(i * PageBytes).Dispose();
        }

        Assert.Equal((0, 0, 0), pager.GetStatistics().FaultsSaved);
        for (long i = 0; i < 40_000; i++)
        {
            large.Read(i % 200 * 4 * PageBytes).Dispose();
        }

        Assert.InRange(pager.GetStatistics().FaultsSaved.Plus100, 0.05, 0.6);
    }

    [Fact]
    public void Sampling_allocates_nothing()
    {
        const int Pages = 1_000;
        using Replay replay = new(256, Pages);
        for (int i = 0; i < 30; i++)
        {
            replay.Run(0, Pages);
        }

        Assert.Equal(0, Allocations.Least(
            () =>
            {
                replay.Run(0, Pages);
                _ = replay.Pager.GetStatistics();
            },
            uses: 100));
    }

    [Fact]
    public void Threads_may_be_at_it_at_once()
    {
        const int Frames = 256;
        const int Pages = 2 * Frames;
        const int Threads = 4;
        ulong seed = Seeded.Next();
        using Pager pager = Make(Frames, backgroundThreads: 1);
        using PagedArray<long> array = pager.Allocate<long>(Pages * (PageBytes / sizeof(long)));
        for (int page = 0; page < Pages; page++)
        {
            array[page * (PageBytes / sizeof(long))] = page;
        }

        Crew.Run(Threads, thread =>
        {
            var random = new Random((int)seed + thread);
            for (int i = 0; i < 40_000; i++)
            {
                int page = random.Next(Pages);
                Assert.Equal(page, array[page * (PageBytes / sizeof(long))]);
                if (i % 2_000 == 0)
                {
                    // Others come and go: their pages must not be taken for each other.
                    using PagedArray<byte> other = pager.Allocate<byte>(20 * PageBytes);
                    other.Fill(0, other.Length, 1);
                }
            }
        });

        // All pages are alike: each frame more saves as much as any other, and with twice as many all are in frames.
        (double plus25, double plus50, double plus100) = pager.GetStatistics().FaultsSaved;
        string said = $"{plus25:P1}, {plus50:P1}, {plus100:P1} of seed {seed}";
        Assert.True(Math.Abs(plus25 - 0.25) < 0.12 && Math.Abs(plus50 - 0.5) < 0.15 && plus100 is > 0.75 and <= 1, said);
    }

    private static int[] Zipf(int seed, int pages, int accesses)
    {
        var random = new Random(seed);
        double[] upTo = new double[pages];
        double sum = 0;
        for (int i = 0; i < pages; i++)
        {
            upTo[i] = sum += Math.Pow(i + 1, -0.9);
        }

        return [.. Enumerable.Range(0, accesses).Select(_ =>
        {
            int at = Array.BinarySearch(upTo, random.NextDouble() * sum);
            return Math.Min(at < 0 ? ~at : at, pages - 1);
        })];
    }

    /// <summary>The first half is for everybody to learn; in the second half, faults are counted, and the forecast at its end is of them,
    /// since the accesses are alike throughout.</summary>
    private static void AssertAgrees(int frames, int pages, int[] accesses, double tolerance, bool rests = false)
    {
        (long faults, (double Plus25, double Plus50, double Plus100) said) = Run(frames);
        double[] saved = [.. new[] { 1.25, 1.5, 2 }.Select(factor => 1 - ((double)Run((int)(factor * frames)).Faults / faults))];
        string figures =
            $"said {said.Plus25:P1}, {said.Plus50:P1}, {said.Plus100:P1}; saved {saved[0]:P1}, {saved[1]:P1}, {saved[2]:P1}";
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        Assert.True(
            Math.Abs(said.Plus25 - saved[0]) <= tolerance
                && Math.Abs(said.Plus50 - saved[1]) <= tolerance
                && Math.Abs(said.Plus100 - saved[2]) <= tolerance,
            figures);

        (long Faults, (double, double, double) Said) Run(int frames)
        {
            using Replay replay = new(frames, pages, rests);
            replay.Run(accesses.Take(accesses.Length / 2));
            long before = replay.Pager.GetStatistics().Faults;
            replay.Run(accesses.Skip(accesses.Length / 2));
            PagerStatistics now = replay.Pager.GetStatistics();
            return (now.Faults - before, now.FaultsSaved);
        }
    }

    private static Pager Make(int frames, int backgroundThreads = 0, bool rests = true) => new(
        new PagerOptions
        {
            ResidentBytes = (long)frames * PageBytes,
            PageBytes = PageBytes,
            BackgroundThreads = backgroundThreads,
        },
        new PagerTuning { ForecastRests = rests });

    private static void AssertUnknown(Pager pager)
    {
        (double plus25, double plus50, double plus100) = pager.GetStatistics().FaultsSaved;
        Assert.True(double.IsNaN(plus25) && double.IsNaN(plus50) && double.IsNaN(plus100), $"{plus25}, {plus50}, {plus100}");
    }

    /// <summary>An array whose pages are leased in turn.</summary>
    private sealed class Replay : IDisposable
    {
        private readonly PagedArray<byte> _array;

        internal Replay(int frames, int pages, bool rests = true)
        {
            Pager = Make(frames, rests: rests);
            _array = Pager.Allocate<byte>((long)pages * PageBytes);
        }

        internal Pager Pager { get; }

        internal void Run(IEnumerable<int> pages)
        {
            foreach (int page in pages)
            {
                _array.Read((long)page * PageBytes).Dispose();
            }
        }

        internal void Run(int first, int end)
        {
            for (int page = first; page < end; page++)
            {
                _array.Read((long)page * PageBytes).Dispose();
            }
        }

        public void Dispose()
        {
            _array.Dispose();
            Pager.Dispose();
        }
    }
}
