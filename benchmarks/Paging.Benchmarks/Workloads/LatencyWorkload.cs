using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Swap;

namespace Paging.Benchmarks.Workloads;

/// <summary>How long the slowest accesses take: faults from the pool under a steady random load, with one background thread, and TryRead
/// beside another thread's faults from a swap file.</summary>
/// <remarks>Every access is timed by itself, with the clock's cost in it, and nothing is left out: what the system does to the thread
/// meanwhile, its timer and other programs, is in the figures. So a thread that only decodes, or only reads an array, is timed the same way
/// in turns: its own slowest are the limit of what a percentile can be on this machine.</remarks>
internal static class LatencyWorkload
{
    /// <summary>p99.9 of a fault over its median.</summary>
    private const double BoundTail = 6;

    /// <summary>Faults for which the faulting thread had to free the frame itself.</summary>
    private const double BoundDirect = 0.01;
    private const double BoundTryRead = 5000;
    private const double RoundSeconds = 1;
    private const int MaxAccesses = 16 << 20;

    /// <summary>The load has to have lasted for a while: the background thread sleeps where there was none.</summary>
    private const double SettlingSeconds = 0.2;

    /// <summary>The resident budget is such a part of the data.</summary>
    private const int Share = 4;

    public static void Run(Options options, Harness harness, Report report)
    {
        double[] times = GC.AllocateArray<double>(MaxAccesses);
        Array.Fill(times, 0); // so that the memory is there
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes);
                if (pages is not null)
                {
                    Faults(group.Name, pages, options, harness.Rounds, report, times);
                    TryRead(group.Name, pages, options, harness.Rounds, report, times);
                }
            }
        }
    }

    private static void Faults(string name, PageSet pages, Options options, int rounds, Report report, double[] times)
    {
        long resident = pages.TotalBytes / Share;
        using PagedPages paged = new(pages, resident, backgroundThreads: 1);
        using PackedPages packed = new(pages, resident, encoded: true);
        var frames = new Ring(0, packed.FrameCount);
        List<double> tails = [], limits = [], direct = [], ours = [], decoding = [], most = [];
        for (int round = -1; round < rounds; round++)
        {
            var random = new Random(options.Seed + round);
            PagerStatistics before = paged.Statistics;
            long accesses = 0;
            double[] all = Time(() =>
            {
                accesses++;
                return paged.Read([random.Next(pages.Count)]);
            }, times);
            PagerStatistics after = paged.Statistics;

            // Hits are the fastest.
            double[] faults = all[(int)(all.Length * (1 - ((after.Faults - before.Faults) / (double)accesses)))..];
            double[] decodes = Time(() => packed.Decode([random.Next(pages.Count)], ref frames), times);
            if (round < 0)
            {
                continue; // the JIT's
            }

            direct.Add((after.DirectReclaims - before.DirectReclaims) / (double)(after.Faults - before.Faults));
            tails.Add(Tail(faults));
            limits.Add(Tail(decodes));
            ours.Add(Statistics.Percentile(faults, 0.999));
            decoding.Add(Statistics.Percentile(decodes, 0.999));
            most.Add(Statistics.Percentile(faults, 0.99));
        }

        paged.Verify(pages);
        report.Add(new Row(
            "latency", $"{name}, p99.9", pages.PageBytes, Statistics.Median(ours), Statistics.Median(decoding), "ns", [.. tails],
            Bound.AtMost(BoundTail), double.NaN,
            $"judged over the median; the limit is decoding alone, {Statistics.Median(limits):0.0}x; p99 {Statistics.Median(most):0} ns"));
        report.Add(new Row(
            "latency", $"{name}, direct", pages.PageBytes, Statistics.Median(direct), 0, "", [.. direct], Bound.AtMost(BoundDirect), double.NaN,
            "of the faults, the faulting thread freed the frame"));
    }

    private static void TryRead(string name, PageSet pages, Options options, int rounds, Report report, double[] times)
    {
        using var stage = new SwapStage(
            new PagerOptions
            {
                ResidentBytes = pages.TotalBytes / (2 * Share),
                PoolBytes = Math.Max(pages.TotalBytes / (4 * Share), 2 * LogGeometry.MinPoolBytes(pages.PageBytes)),
                PageBytes = pages.PageBytes,
                BackgroundThreads = 1,
            },
            new SwapFileOptions { Path = options.SwapDirectory, Bytes = RawFile.WholeBlocks(PagedPages.PoolBytesFor(pages)) });
        using PagedArray<long> array = FiledPages.Load(stage, pages);
        bool ends = false;
        long readsBeside = 0;
        long fromFile = stage.Statistics.FaultsFromFile;
        var reader = new Thread(() =>
        {
            var random = new Random(options.Seed);
            while (!Volatile.Read(ref ends))
            {
                using ReadLease<long> lease = array.Read(random.Next(pages.Count) * (long)array.PageLength);
                readsBeside++;
            }
        });
        reader.Start();
        List<double> ours = [], limits = [];
        long hits = 0, misses = 0;
        double[] plain = new double[1 << 16];
        try
        {
            for (int round = -1; round < rounds; round++)
            {
                var random = new Random(options.Seed + round);
                double[] tries = Time(() =>
                {
                    if (array.TryRead(random.Next(pages.Count) * (long)array.PageLength, out ReadLease<long> lease))
                    {
                        long first = lease.Span[0];
                        lease.Dispose();
                        hits++;
                        return first;
                    }

                    misses++;
                    return 0;
                }, times);
                double[] reads = Time(() => (long)plain[random.Next(plain.Length)], times);
                if (round >= 0)
                {
                    ours.Add(Statistics.Percentile(tries, 0.9999));
                    limits.Add(Statistics.Percentile(reads, 0.9999));
                }
            }
        }
        finally
        {
            Volatile.Write(ref ends, true);
            reader.Join();
        }

        fromFile = stage.Statistics.FaultsFromFile - fromFile;
        if (fromFile == 0)
        {
            throw new InvalidOperationException("Nothing came from the file.");
        }

        report.Add(new Row(
            "latency", $"{name}, TryRead p99.99", pages.PageBytes, Statistics.Median(ours), Statistics.Median(limits), "ns", [.. ours],
            Bound.AtMost(BoundTryRead, "ns"), double.NaN,
            $"beside {readsBeside:n0} reads, {fromFile:n0} pages from the file; {100.0 * hits / (hits + misses):0}% at hand; the limit is an element of a plain array"));
    }

    private static double Tail(double[] times) => Statistics.Percentile(times, 0.999) / Statistics.Percentile(times, 0.5);

    /// <summary>Nanoseconds of each access of a round, ascending.</summary>
    /// <remarks>A round allocates nothing: a collection in the background would take the processor of the thread that reclaims.</remarks>
    private static double[] Time(Func<long> access, double[] times)
    {
        GC.Collect();
        _ = TimeFor(access, SettlingSeconds, times);
        double[] sorted = times[..TimeFor(access, RoundSeconds, times)];
        Array.Sort(sorted);
        return sorted;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int TimeFor(Func<long> access, double seconds, double[] times)
    {
        double scale = 1e9 / Stopwatch.Frequency;
        long start = Stopwatch.GetTimestamp();
        long end = start + (long)(seconds * Stopwatch.Frequency);
        long sum = 0;
        int count = 0;
        for (long now = start; now < end && count < times.Length; count++)
        {
            long before = Stopwatch.GetTimestamp();
            sum += access();
            now = Stopwatch.GetTimestamp();
            times[count] = (now - before) * scale;
        }

        GC.KeepAlive(sum);
        return count;
    }
}
