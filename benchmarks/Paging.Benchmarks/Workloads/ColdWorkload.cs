using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Paging.Residency;
using ZstdSharp;

namespace Paging.Benchmarks.Workloads;

/// <summary>What is left alone, and compressed again in the background: how far it shrinks, what of a thread that takes, and what faults of other
/// pages notice of it.</summary>
/// <remarks>The age is cut short, so that nobody has to wait; nothing else is. The ratio is held against Zstd alone on the same pages, each by
/// itself and at most its length. Faults are timed one by one, with the clock's cost in them, in pagers that differ in nothing but that one
/// lets nothing grow cold; the two take turns.</remarks>
internal static class ColdWorkload
{
    private const double BoundRatio = 0.97;
    private const double BoundShare = 0.25;
    private const double BoundFaults = 1.1;
    private const double FaultSeconds = 0.7;
    private static readonly TimeSpan s_never = TimeSpan.FromTicks(-1);

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.All, options.DataBytes);
                if (pages is not null)
                {
                    Shrink(group.Name, pages, report);
                    Fault(group.Name, pages, options, harness.Rounds, report);
                }
            }
        }
    }

    private static void Shrink(string name, PageSet pages, Report report)
    {
        using var left = new LeftAlone(pages, TimeSpan.FromMilliseconds(300), hotPages: 0);
        PagerStatistics now = left.Statistics;
        long begun = Stopwatch.GetTimestamp(), spentBefore = BackgroundNanoseconds();
        double share = 0;
        for (int quiet = 0; quiet < 10;)
        {
            Thread.Sleep(100);
            PagerStatistics last = now;
            now = left.Statistics;
            long spent = BackgroundNanoseconds();
            if (last.RecompressedPages == 0)
            {
                (begun, spentBefore) = (Stopwatch.GetTimestamp(), spent);
            }
            else if (now.RecompressedPages != last.RecompressedPages)
            {
                share = (spent - spentBefore) / Stopwatch.GetElapsedTime(begun).TotalNanoseconds;
            }

            quiet = now.RecompressedPages == 0 || now.RecompressedPages != last.RecompressedPages ? 0 : quiet + 1;
        }

        left.Verify();
        double ours = now.PoolLogicalBytes / (double)now.PoolStoredBytes;
        double zstd = pages.TotalBytes / (double)ZstdBytes(pages);
        report.Add(new Row(
            "cold", $"{name}, ratio", pages.PageBytes, ours, zstd, "", [ours / zstd], Bound.AtLeast(BoundRatio), double.NaN,
            $"LZ4 {pages.Note}, {now.RecompressedPages} of {pages.Count} pages"));
        report.Add(new Row(
            "cold", $"{name}, time", pages.PageBytes, share, 1, "cpu", [share], Bound.AtMost(BoundShare), double.NaN,
            "of one processor, by the background thread while it lasts"));
    }

    /// <summary>What the pager's background thread has been running for.</summary>
    private static long BackgroundNanoseconds() => Directory.GetDirectories("/proc/self/task")
        .Where(static task => File.ReadAllText($"{task}/comm").StartsWith("Paging reclaim", StringComparison.Ordinal))
        .Sum(static task => long.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture));

    private static long ZstdBytes(PageSet pages)
    {
        using var zstd = new Compressor(Swap.Recompressor.Level);
        byte[] target = new byte[Compressor.GetCompressBound(pages.PageBytes)];
        long bytes = 0;
        for (int i = 0; i < pages.Count; i++)
        {
            bytes += Math.Min(zstd.Wrap(pages.Bytes(i), target), pages.PageBytes);
        }

        return bytes;
    }

    private static void Fault(string name, PageSet pages, Options options, int rounds, Report report)
    {
        var with = new List<(double Half, double Most)>();
        var without = new List<(double Half, double Most)>();
        long recompressed = 0;
        for (int round = 0; round < rounds; round++)
        {
            foreach (bool isWith in (ReadOnlySpan<bool>)(round % 2 == 0 ? [true, false] : [false, true]))
            {
                using var left = new LeftAlone(pages, isWith ? TimeSpan.FromMilliseconds(200) : s_never, hotPages: Math.Min(pages.Count / 4, 512));
                double[] times = left.Fault(FaultSeconds, options.Seed + round);
                (isWith ? with : without).Add((Statistics.Percentile(times, 0.5), Statistics.Percentile(times, 0.99)));
                recompressed += left.Statistics.RecompressedPages;
            }
        }

        Add("p50", static time => time.Half);
        Add("p99", static time => time.Most);

        void Add(string which, Func<(double Half, double Most), double> of)
        {
            double ours = Statistics.Median(with.Select(of)), limit = Statistics.Median(without.Select(of));
            report.Add(new Row(
                "cold", $"{name}, {which}", pages.PageBytes, ours, limit, "ns", [.. with.Select(of).Zip(without.Select(of), static (a, b) => a / b)],
                Bound.AtMost(BoundFaults), double.NaN, $"faults beside {recompressed / rounds} pages compressed again a round"));
        }
    }

    /// <summary>All pages stored in one array and not touched any more, and some of them in another, to be faulted.</summary>
    private sealed class LeftAlone : IDisposable
    {
        private readonly PageSet _pages;
        private readonly Pager _pager;
        private readonly PagedArray<byte> _cold;
        private readonly PagedArray<byte> _hot;
        private readonly int _hotPages;

        public LeftAlone(PageSet pages, TimeSpan coldAfter, int hotPages)
        {
            _pages = pages;
            _hotPages = hotPages;
            var options = new PagerOptions
            {
                ResidentBytes = Math.Max(64L, hotPages / 4) * pages.PageBytes,
                PoolBytes = PagedPages.PoolBytesFor(pages) * 2,
                PageBytes = pages.PageBytes,
                BackgroundThreads = 1,
            };
            _pager = new Pager(options, new PagerTuning { ColdAfter = coldAfter });
            _cold = Fill(pages.Count);
            _hot = Fill(Math.Max(hotPages, 1));

            // Pages of zeroes take no room in the pool, and push the others out of the frames.
            long frames = _pager.Options.ResidentBytes / pages.PageBytes;
            using PagedArray<byte> zeroes = _pager.Allocate<byte>(2 * frames * pages.PageBytes);
            for (long i = 0; i < 2 * frames; i++)
            {
                zeroes[i * pages.PageBytes] = 0;
            }
        }

        public PagerStatistics Statistics => _pager.GetStatistics();

        /// <summary>Nanoseconds of faults in random order, ascending.</summary>
        public double[] Fault(double seconds, int seed)
        {
            int[] order = Orders.Permutation(_hotPages, seed);
            List<double> times = new(1 << 20);
            Pass(order, null);
            Pass(order, null);
            Thread.Sleep(100);
            Pass(order, null);
            Thread.Sleep(100);
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
            {
                Pass(order, times);
            }

            return [.. times.Order()];
        }

        public void Verify()
        {
            byte[] read = new byte[_pages.PageBytes];
            for (int i = 0; i < _pages.Count; i++)
            {
                _cold.CopyTo((long)i * _pages.PageBytes, read);
                _pages.Verify(i, read, "the array");
            }
        }

        public void Dispose() => _pager.Dispose();

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Pass(int[] order, List<double>? times)
        {
            long sum = 0;
            foreach (int page in order)
            {
                long start = Stopwatch.GetTimestamp();
                using (ReadLease<byte> lease = _hot.Read((long)page * _pages.PageBytes))
                {
                    sum += lease.Span[0];
                }

                times?.Add((Stopwatch.GetTimestamp() - start) * (1e9 / Stopwatch.Frequency));
            }

            return sum;
        }

        private PagedArray<byte> Fill(int count)
        {
            PagedArray<byte> array = _pager.Allocate<byte>((long)count * _pages.PageBytes);
            for (int i = 0; i < count; i++)
            {
                array.CopyFrom((long)i * _pages.PageBytes, _pages.Bytes(i));
            }

            return array;
        }
    }
}
