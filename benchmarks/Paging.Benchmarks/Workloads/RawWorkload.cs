namespace Paging.Benchmarks.Workloads;

/// <summary>A fault of a page that is stored as it is, against copying it and checking its XXH3.</summary>
/// <remarks>The limit hashes the frame that it has just filled, when it is in the first-level cache as far as it fits there. The bound is a
/// difference: what is left of a fault when nothing is decoded does not grow with the page.</remarks>
internal static class RawWorkload
{
    private const double BoundNanoseconds = 150;
    private const int FewestPages = 16;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            bool random = false;
            foreach (FileGroup group in options.Groups)
            {
                using PageSet? found = PageSet.From(group, pageBytes, PageKind.Incompressible, options.DataBytes);
                if (found?.DistinctCount >= FewestPages)
                {
                    Compare(group.Name, found, options, harness, report);
                }
                else if (!random) // once for all groups that have none
                {
                    random = true;
                    using PageSet pages = PageSet.Random(pageBytes, options.DataBytes, options.Seed);
                    Compare("random bytes", pages, options, harness, report);
                }
            }
        }
    }

    private static void Compare(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        long resident = options.ResidentFor(pages.TotalBytes, pages.PageBytes);
        int[] order = Orders.Permutation(pages.Count, options.Seed);
        using PagedPages paged = new(pages, resident);
        using PackedPages packed = new(pages, resident, encoded: false);
        FaultingSide ours = new(paged, order);

        Series[] series = harness.Measure(allThreads: false, ours, new PackedSide(packed, order, encoded: false));

        paged.Verify(pages);
        packed.Verify(pages, encoded: false);
        report.Add(Row.Difference(
            "raw", name, pages.PageBytes, series[0], series[1], Bound.AtMost(BoundNanoseconds, "ns"), $"{ours.Note}, {pages.Note}"));
    }
}
