namespace Paging.Benchmarks.Workloads;

/// <summary>A fault from the pool, the clean eviction that makes room for it and the checksum included, against K4os alone.</summary>
/// <remarks>Fair to the limit: it decodes the same pages in the same order from as much memory into as many frames, and does nothing
/// else. Fair to us: accesses that were no faults are not counted (the table gives their share), and pages that do not compress are
/// left to `raw`, since decoding is then a copy.</remarks>
internal static class FaultWorkload
{
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

    private static Bound BoundFor(int pageBytes) => pageBytes switch
    {
        4 << 10 => Bound.AtMost(1.25),
        16 << 10 => Bound.AtMost(1.15),
        64 << 10 => Bound.AtMost(1.08),
        _ => Bound.None,
    };

    private static void Compare(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        long resident = options.ResidentFor(pages.TotalBytes, pages.PageBytes);
        int[] order = Orders.Permutation(pages.Count, options.Seed);
        using PagedPages paged = new(pages, resident);
        using PackedPages packed = new(pages, resident, encoded: true);
        FaultingSide ours = new(paged, order);

        Series[] series = harness.Measure(allThreads: false, ours, new PackedSide(packed, order, encoded: true));

        paged.Verify(pages);
        packed.Verify(pages, encoded: true);
        report.Add(Row.Ratio(
            "fault", name, pages.PageBytes, series[0], series[1], BoundFor(pages.PageBytes), $"{ours.Note}, {pages.Note}"));
    }
}
