using System.Diagnostics;
using K4os.Compression.LZ4;

namespace Paging.Benchmarks.Workloads;

/// <summary>A full pool under random overwriting of ten times its capacity: how much memory it holds for what is stored in it,
/// what its cleaning costs, and whether it slows down.</summary>
/// <remarks>Cleaning has no limit outside the library: its cost is the time of a store in the full pool against that of the same work in
/// a pool half full. At half full there is a little cleaning too, which the bound does not see. Whether the full pool slows down
/// is told by the clock of K4os encoding the same pages, since the machine itself slows down and speeds up by more than the bound
/// allows. All three take turns many times a round. There are no background threads, so that cleaning cannot hide on another
/// processor. Exceptions at the full pool are part of its time, but what they allocate is not shown: managed allocation is that of the
/// pool half full. Through arrays, where an overwritten page may still be in a frame, time is per page stored.</remarks>
internal static class DensityWorkload
{
    private const long PoolBytes = 64L << 20;
    private const int RoundCount = 10;
    private const int Turns = 32; // in a round
    private const int Samples = 4000;
    private const double BoundHeld = 1.15;
    private const double BoundCleaning = 1 / 0.75; // a quarter of the time
    private const double BoundDecay = 0.95;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.All, options.DataBytes);
                if (pages is null)
                {
                    continue;
                }

                // More than fit, whatever the pages: room for four pools of pages of the mean length.
                int numbers = (int)(4 * PoolBytes / (pages.EncodedBytes / pages.Count));
                Measure($"{group.Name}, swap", () => new SwapStore(PoolBytes, pageBytes, numbers), pages, numbers, options, report);
                Measure($"{group.Name}, array", () => new ArrayStore(PoolBytes, pageBytes, numbers), pages, numbers, options, report);
            }
        }
    }

    private static void Measure(string name, Func<IPageStore> make, PageSet pages, int numbers, Options options, Report report)
    {
        using IPageStore fullStore = make();
        using IPageStore halfStore = make();
        Overwriter full = new(fullStore, pages, numbers, options.Seed);
        Overwriter half = new(halfStore, pages, numbers, options.Seed);
        full.Fill(long.MaxValue);
        half.Fill(PoolBytes / 2);
        CodecClock clock = new(pages);

        Round[] rounds = new Round[RoundCount];
        for (int i = 0; i < RoundCount; i++)
        {
            Harness.Collect();
            Meter fullTime = default, halfTime = default, codecTime = default;
            double[] inCodecs = new double[Turns];
            for (int turn = 0; turn < Turns; turn++)
            {
                Meter fullTurn = Time(() => full.Overwrite(PoolBytes / Turns), () => fullStore.Stores);
                Meter codecTurn = Time(clock.Encode, () => clock.Pages);
                fullTime += fullTurn;
                codecTime += codecTurn;
                halfTime += Time(() => half.Overwrite(PoolBytes / Turns), () => halfStore.Stores);
                inCodecs[turn] = fullTurn.Each / codecTurn.Each;
            }

            rounds[i] = new Round(fullTime, halfTime, codecTime, inCodecs, fullStore.Statistics, full.Exceptions);
            Console.WriteLine($"  {name} {Report.Size(pages.PageBytes)} round {i + 1,2}: {rounds[i]}");
        }

        full.Verify(Samples);
        half.Verify(Samples);
        AddRows(name, pages, rounds, report);
    }

    private static Meter Time(Action work, Func<long> count)
    {
        long counted = count();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        work();
        double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return new Meter(nanoseconds, count() - counted, allocated);
    }

    private static void AddRows(string name, PageSet pages, Round[] rounds, Report report)
    {
        int pageBytes = pages.PageBytes;
        Round last = rounds[^1];
        double allocated = Statistics.Median(rounds.Select(r => r.Half.AllocatedEach));
        report.Add(new Row(
            "density", name, pageBytes, last.Statistics.PoolBytes / 1e6, last.Statistics.PoolStoredBytes / 1e6, "MB",
            [last.Held], Bound.AtMost(BoundHeld), allocated,
            $"held for stored, {last.Exceptions} times full, {pages.Note}"));
        report.Add(new Row(
            "density", name, pageBytes,
            Statistics.Median(rounds.Select(r => r.Full.Each)), Statistics.Median(rounds.Select(r => r.Half.Each)), "ns",
            [.. rounds.Skip(1).Select(r => r.Cleaning)], Bound.AtMost(BoundCleaning), allocated,
            "a store, full against half full"));

        // All turns of three rounds at either end, again for the spread: of the second to the fourth against the last three.
        double early = Statistics.Median(rounds[1..4].SelectMany(r => r.InCodecs));
        double late = Statistics.Median(rounds[^3..].SelectMany(r => r.InCodecs));
        report.Add(new Row(
            "density", name, pageBytes, late, early, "codec", [early / late], Bound.AtLeast(BoundDecay), allocated,
            "speed of the last rounds over the first"));
    }

    /// <summary>The same pages encoded at every turn, taken from all over the input.</summary>
    private sealed class CodecClock(PageSet pages)
    {
        private const int BytesATurn = 2 << 20;

        private readonly byte[] _scratch = new byte[LZ4Codec.MaximumOutputSize(pages.PageBytes)];
        private readonly int _stride = Math.Max(1, pages.Count / Math.Max(1, BytesATurn / pages.PageBytes));

        public long Pages { get; private set; }

        public void Encode()
        {
            for (int page = 0; page < pages.Count; page += _stride)
            {
                _ = LZ4Codec.Encode(pages.Bytes(page), _scratch);
                Pages++;
            }
        }
    }

    private readonly record struct Meter(double Nanoseconds, long Count, long Allocated)
    {
        public double Each => Nanoseconds / Math.Max(1, Count);

        public double AllocatedEach => Allocated / (double)Math.Max(1, Count);

        public static Meter operator +(Meter a, Meter b) =>
            new(a.Nanoseconds + b.Nanoseconds, a.Count + b.Count, a.Allocated + b.Allocated);
    }

    /// <param name="InCodecs">Turn by turn, a store in the full pool in units of the codec's time for a page.</param>
    private sealed record Round(
        Meter Full, Meter Half, Meter Codec, double[] InCodecs, PagerStatistics Statistics, int Exceptions)
    {
        public double Cleaning => Full.Each / Half.Each;

        public double Held => Statistics.PoolBytes / (double)Statistics.PoolStoredBytes;

        public override string ToString() =>
            $"held {Statistics.PoolBytes / 1048576.0:0.0} MiB{(Statistics.PoolBytes > PoolBytes ? " (ABOVE BUDGET)" : string.Empty)}, " +
            $"stored {Statistics.PoolStoredBytes / 1048576.0:0.0} MiB, {Held:0.000}; " +
            $"a store {Full.Each:0} ns, half full {Half.Each:0} ns, {Cleaning:0.000}; " +
            $"the codec alone {Codec.Each:0} ns; full {Exceptions} times so far";
    }
}
