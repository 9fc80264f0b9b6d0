namespace Paging.Benchmarks.Workloads;

/// <summary>A fault of a page that is in no frame and not in the pool, by one thread, against what it cannot do without: one pread with
/// O_DIRECT of the blocks that hold the page, and K4os decoding it into as many frames.</summary>
internal static class FileFaultWorkload
{
    private const double MostNanoseconds = 15_000;
    private const int MostAPass = 48;

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
        using FiledPages filed = new(pages, options);
        using RawPages raw = new(pages, options, filed.Stage.File.Bytes);
        SwapPlace.Tell(options.SwapDirectory, filed.Stage, raw.File);
        int[] order = [.. filed.Filed];
        new Random(options.Seed).Shuffle(order);
        int window = Windows.LengthFor(order.Length, MostAPass, share: 1);
        FileFaultingSide ours = new(filed, new Windows(order, window));
        using RawPagesSide limit = new(raw, new Windows(order, window), decode: true);

        Series[] series = Windows.Harness(harness).Measure(allThreads: false, ours, limit);

        double rawBytes = order.Average(i => (double)raw.RangeOf(i).Length);
        PagerStatistics statistics = filed.Statistics;
        double ourBytes = statistics.BytesRead / (double)statistics.FaultsFromFile;
        ours.Check();
        filed.Verify(pages);
        report.Add(Row.Difference(
            "filefault", name, pages.PageBytes, series[0], series[1], Bound.AtMost(MostNanoseconds, "ns"),
            $"{ours.Note}, {pages.Note}, read {ourBytes / 1024:0.0} and {rawBytes / 1024:0.0} KiB"));
    }
}
