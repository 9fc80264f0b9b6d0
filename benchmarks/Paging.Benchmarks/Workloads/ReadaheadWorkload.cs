namespace Paging.Benchmarks.Workloads;

/// <summary>Reading stored pages in sequence, a lease a page, with one background thread to read ahead, against one thread that decodes the
/// same pages in the same order and does nothing else.</summary>
/// <remarks>The reader takes one element of each page, as the limit does: all the time is paging's. Beside it stands the same array's order
/// of a random permutation, in which nothing must be read ahead; the remarks say how many pages were, and how many of them in vain.
/// Reading from a swap file against raw sequential reads comes with larger requests for neighbouring pages.</remarks>
internal static class ReadaheadWorkload
{
    private const double BoundGain = 1.6;

    public static void Run(Options options, Harness harness, Report report)
    {
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
        int[] sequence = [.. Enumerable.Range(0, pages.Count)];
        using PagedPages paged = new(pages, resident, backgroundThreads: 1);
        using PagedPages alone = new(pages, resident);
        using PackedPages packed = new(pages, resident, encoded: true);
        ReadingSide ours = new(paged, sequence);
        ReadingSide shuffled = new(paged, Orders.Permutation(pages.Count, options.Seed));

        Series[] series = harness.Measure(
            allThreads: true, ours, new ReadingSide(alone, sequence), new PackedSide(packed, sequence, encoded: true));
        Series[] random = harness.Measure(allThreads: true, shuffled);

        paged.Verify(pages);
        Bound bound = Environment.ProcessorCount > 1 ? Bound.AtLeast(BoundGain) : Bound.None;
        report.Add(Row.Gain(
            "readahead", name, pages.PageBytes, series[0], series[2], bound, $"{ours.Note}; without threads {series[1].Median:0} ns"));
        report.Add(Row.Ratio(
            "readahead", $"{name}, shuffled", pages.PageBytes, random[0], series[2], Bound.None, shuffled.Note));
    }

    /// <summary>An operation is a page that was read, whoever brought it in.</summary>
    private sealed class ReadingSide(PagedPages pages, int[] order) : ISide
    {
        private long _faults;
        private long _ahead;
        private long _wasted;

        public string Note =>
            $"ahead {100.0 * _ahead / Math.Max(1, _faults):0.0}% of faults, wasted {100.0 * _wasted / Math.Max(1, _faults):0.00}%";

        public Outcome Run()
        {
            PagerStatistics before = pages.Statistics;
            long sum = 0;
            for (int i = 0; i < order.Length; i += Orders.Slice)
            {
                sum += pages.Read(Orders.SliceAt(order, i));
            }

            PagerStatistics after = pages.Statistics;
            _faults += after.Faults - before.Faults;
            _ahead += after.PrefetchedPages - before.PrefetchedPages;
            _wasted += after.PrefetchWasted - before.PrefetchWasted;
            return new Outcome(order.Length, sum);
        }
    }
}
