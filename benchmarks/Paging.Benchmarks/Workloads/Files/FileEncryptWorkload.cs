namespace Paging.Benchmarks.Workloads;

/// <summary>What encryption costs: writeback as in `writeback`, and faults as in `filefault`, with and without it.</summary>
/// <remarks>Only writeback has a bound. Its bytes are those of the pages, without the tags that encryption adds to each block.</remarks>
internal static class FileEncryptWorkload
{
    private const double LeastShare = 0.75;
    private const long PagesBytes = 8L << 20;
    private const int MostAPass = 48;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            CompareWriteback(pageBytes, options, harness, report);
        }

        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes / 4);
                if (pages is not null)
                {
                    CompareFaults(group.Name, pages, options, harness, report);
                }
            }
        }
    }

    private static void CompareWriteback(int pageBytes, Options options, Harness harness, Report report)
    {
        using var pages = PageSet.Random(pageBytes, PagesBytes, options.Seed);
        using PushedSegments encrypted = new(pages, options.SwapDirectory, encrypt: true, fresh: false);
        using PushedSegments plain = new(pages, options.SwapDirectory, encrypt: false, fresh: false);

        Series[] series = harness.Measure(allThreads: true, encrypted, plain);

        encrypted.Verify();
        plain.Verify();
        report.Add(Row.Throughput(
            "fileencrypt", "writeback", pageBytes, encrypted.SegmentBytes, series[0], series[1], Bound.AtLeast(LeastShare),
            $"{encrypted.Segments} segments of {Report.Size(encrypted.SegmentBytes)}"));
    }

    private static void CompareFaults(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        using FiledPages encrypted = new(pages, options, encrypt: true);
        using FiledPages plain = new(pages, options);
        int[] order = [.. encrypted.Filed.Intersect(plain.Filed)];
        new Random(options.Seed).Shuffle(order);
        int window = Windows.LengthFor(order.Length, MostAPass, share: 1);
        FileFaultingSide ours = new(encrypted, new Windows(order, window));

        Series[] series = Windows.Harness(harness).Measure(allThreads: false, ours, new FileFaultingSide(plain, new Windows(order, window)));

        ours.Check();
        encrypted.Verify(pages);
        report.Add(Row.Difference("fileencrypt", $"{name}, faults", pages.PageBytes, series[0], series[1], Bound.None, ours.Note));
    }
}
