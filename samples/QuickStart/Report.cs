using Paging;

namespace QuickStart;

/// <summary>What a user wants to know, before and after.</summary>
internal static class Report
{
    public static void Start(DataSet data, Options options, Budgets budgets)
    {
        Console.WriteLine($"{data.FileCount:n0} files, {Sizes.Format(data.Length)}, in pages of {Sizes.Format(options.PageBytes)}");
        Console.WriteLine(
            $"budgets: {Sizes.Format(budgets.ResidentBytes)} of frames, {Sizes.Format(budgets.PoolBytes)} of compressed pool; "
            + $"{Count(options.Threads, "thread")}, {options.BackgroundThreads} in the background; seed {options.Seed}");
        Console.WriteLine();
    }

    public static void StartingOver(long poolBytes, long newPoolBytes) =>
        Console.WriteLine($"  The data compresses too little to fit into a pool of {Sizes.Format(poolBytes)}. "
            + $"Starting over with {Sizes.Format(newPoolBytes)}; --pool sets it.");

    public static void End(DataSet data, PagedResult paged, MappedResult mapped)
    {
        Memory(data, paged);
        Faults(paged);
        Comparison(paged, mapped);
        Console.WriteLine();
    }

    private static void Memory(DataSet data, PagedResult paged)
    {
        PagerStatistics now = paged.Statistics;
        long used = now.ResidentBytes + now.PoolBytes + now.MetadataBytes;

        Console.WriteLine();
        Line("data held", $"{Sizes.Format(data.Length)}");
        Line("memory used", $"{Sizes.Format(used)}, {100.0 * used / data.Length:0}% of the data");
        Line("  frames", $"{Sizes.Format(now.ResidentBytes)} of {Sizes.Format(paged.Budgets.ResidentBytes)}");
        Line("  pool", $"{Sizes.Format(now.PoolBytes)} of {Sizes.Format(paged.Budgets.PoolBytes)}");
        Line("  metadata", Sizes.Format(now.MetadataBytes));
        Line("  process (RSS)",
            $"grew by up to {Sizes.Format(paged.PeakGrowth)}; by {Sizes.Format(paged.GrowthAfterDispose)} after Dispose");
        if (now.PoolStoredBytes > 0)
        {
            Line("ratio", $"{(double)now.PoolLogicalBytes / now.PoolStoredBytes:0.00}: "
                + $"{Sizes.Format(now.PoolLogicalBytes)} of pages stored in {Sizes.Format(now.PoolStoredBytes)}");
        }

        Line("", $"{Count(now.SameFilledPages, "same-filled page")}, {now.IncompressiblePages:n0} stored as they are");
    }

    private static void Faults(PagedResult paged)
    {
        PagerStatistics now = paged.Statistics;
        FaultTimes times = paged.FaultTimes;
        Line("faults", $"{now.Faults:n0}, {now.FaultsFromPool:n0} of them from the pool");
        Line("evictions", $"{now.Evictions:n0}, {now.CleanEvictions:n0} of them clean");
        if (times.Faults == 0)
        {
            Line("time of a fault", $"not measured: none of {times.Leases:n0} random leases found its page in the pool");
            return;
        }

        Line("time of a fault", $"median {Microseconds(times.Median)}, p99 {Microseconds(times.Percentile99)}");
        Line("", $"to take a read lease on a page in the pool; one thread, {times.Leases:n0} random leases timed,");
        Line("", $"{times.Faults:n0} of them faults by the pager's own counter");
    }

    private static void Comparison(PagedResult paged, MappedResult mapped)
    {
        Console.WriteLine();
        bool both = mapped.NotRun is null;
        Row("", "PagedArray", both ? "MemoryMappedFile" : "");
        Row("load", Speed(paged.Load), both ? Speed(mapped.Load) : "");
        Row("read at random", Speed(paged.ReadAtRandom), both ? Speed(mapped.ReadAtRandom) : "");
        Row("read in order", Speed(paged.ReadInOrder), both ? Speed(mapped.ReadInOrder) : "");
        Row("write at random", $"{paged.Write.StepsPerSecond:n0} leases/s", "");
        Row("verify what was written", Speed(paged.VerifyWritten), "");
        Row("RSS grew by up to", Sizes.Format(paged.PeakGrowth), both ? Sizes.Format(mapped.PeakGrowth) : "");
        Console.WriteLine();

        if (mapped.NotRun is string reason)
        {
            Console.WriteLine($"  MemoryMappedFile was not run: {reason}");
            return;
        }

        Console.WriteLine(
            """
              Reading includes the XXH3 of every byte, and of the mapping a copy of it, which safe code cannot do without.
              The mapping has no budget: its file, just written, is in the page cache as a whole, so that reading waits
              for no disk as long as memory lasts. The array keeps its budgets, whatever else needs the memory.
            """);
        if (mapped.Faults is var (minor, major))
        {
            Console.WriteLine(
                $"  For the mapping the process took {Count(minor + major, "page fault")}, {major:n0} of them from the disk.");
        }
    }

    private static void Line(string label, string text) => Console.WriteLine($"  {label,-18} {text}");

    private static void Row(string label, string left, string right) => Console.WriteLine($"  {label,-24} {left,18} {right,18}".TrimEnd());

    private static string Speed(Phase phase) => ProgressBar.Rate(phase.BytesPerSecond);

    private static string Microseconds(TimeSpan time) => $"{time.TotalMicroseconds:0.0} µs";

    private static string Count(long count, string noun) => $"{count:n0} {noun}{(count == 1 ? "" : "s")}";
}
