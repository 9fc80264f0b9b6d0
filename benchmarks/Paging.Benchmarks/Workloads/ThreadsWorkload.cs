namespace Paging.Benchmarks.Workloads;

/// <summary>What a second thread brings to faults, ours against K4os alone.</summary>
/// <remarks>Each side is run by one thread and by two, all four in every round, so that a neighbour's load or a processor's clock
/// weighs on both gains. One thread does the work of both: the same accesses, first the one's, then the other's. Both orders are
/// the same permutation, the second from its middle on: the threads are never near the same pages, or one would find resident what the
/// other has faulted. They share the array, the frames and the pool; the limit's threads share nothing but the memory bus.</remarks>
internal static class ThreadsWorkload
{
    private const double BoundGain = 0.9;
    private const double LeastGain = 1.5;

    public static void Run(Options options, Harness harness, Report report)
    {
        if (Environment.ProcessorCount < 2)
        {
            Console.WriteLine("threads: left out, this machine has one processor");
            return;
        }

        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes);
                if (pages is not null)
                {
                    Compare(group.Name, pages, options, harness, report);
                }
            }
        }
    }

    private static void Compare(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        long resident = options.ResidentFor(pages.TotalBytes, pages.PageBytes);
        int[] order = Orders.Permutation(pages.Count, options.Seed);
        int[][] orders = [order, Orders.FromMiddle(order)];
        using PagedPages paged = new(pages, resident);
        using PackedPages packed = new(pages, resident, encoded: true);
        int half = packed.FrameCount / 2;
        FaultingThreads ours = new(paged, orders, together: true);
        ISide[] sides =
        [
            ours,
            new FaultingThreads(paged, orders, together: false),
            new CrewSide([
                new PackedOrder(packed, orders[0], new Ring(0, half)),
                new PackedOrder(packed, orders[1], new Ring(half, packed.FrameCount))]),
            new CrewSide([new PackedOrder(packed, order, new Ring(0, packed.FrameCount), orders[1])]),
        ];

        Series[] series = harness.Measure(allThreads: true, sides);
        foreach (IDisposable side in sides.Cast<IDisposable>())
        {
            side.Dispose();
        }

        paged.Verify(pages);
        packed.Verify(pages, encoded: true);
        double[] gain = Gain(series[1], series[0]);
        double[] limit = Gain(series[3], series[2]);
        bool idle = Statistics.Median(limit) >= LeastGain; // or there was no second processor to gain from, and nothing to judge
        report.Add(new Row(
            "threads", name, pages.PageBytes, Statistics.Median(gain), Statistics.Median(limit), "x",
            [.. gain.Zip(limit, (a, b) => a / b)], idle ? Bound.AtLeast(BoundGain) : Bound.None, series[0].AllocatedPerOperation,
            (idle ? string.Empty : "NO FREE PROCESSOR, not judged; ") +
            $"{ours.Note}, ours {series[1].Median:0} to {series[0].Median:0} ns, K4os {series[3].Median:0} to {series[2].Median:0} ns"));
    }

    private static double[] Gain(Series alone, Series together) =>
        [.. alone.Nanoseconds.Zip(together.Nanoseconds, (one, two) => one / two)];

    /// <summary>Ours; an operation is a fault that the statistics counted, whichever thread took it.</summary>
    private sealed class FaultingThreads : ISide, IDisposable
    {
        private readonly PagedPages _pages;
        private readonly CrewSide _crew;
        private long _accesses;
        private long _faults;

        public FaultingThreads(PagedPages pages, int[][] orders, bool together)
        {
            _pages = pages;
            _crew = together
                ? new CrewSide([.. orders.Select(order => new PagedOrder(pages, order))])
                : new CrewSide([new PagedOrder(pages, [.. orders[0], .. orders[1]])]);
        }

        public string Note => $"faults {100.0 * _faults / _accesses:0.0}%";

        public Outcome Run()
        {
            long before = _pages.Statistics.Faults;
            Outcome outcome = _crew.Run();
            long faults = _pages.Statistics.Faults - before;
            _accesses += outcome.Operations;
            _faults += faults;
            return new Outcome(faults, outcome.Sum);
        }

        public void Dispose() => _crew.Dispose();
    }

    private sealed class PagedOrder(PagedPages pages, int[] order) : ISide
    {
        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < order.Length; i += Orders.Slice)
            {
                sum += pages.Read(Orders.SliceAt(order, i));
            }

            return new Outcome(order.Length, sum);
        }
    }

    private sealed class PackedOrder(PackedPages pages, int[] order, Ring frames, int[]? then = null) : ISide
    {
        private readonly int[] _order = then is null ? order : [.. order, .. then];
        private Ring _frames = frames;

        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < _order.Length; i += Orders.Slice)
            {
                sum += pages.Decode(Orders.SliceAt(_order, i), ref _frames);
            }

            return new Outcome(_order.Length, sum);
        }
    }
}
