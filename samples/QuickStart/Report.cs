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
        if (budgets.SwapFile is { } file)
            Console.WriteLine($"swap file: {Sizes.Format(file.Bytes)} at {file.Path}{(file.Encrypt ? ", encrypted" : "")}");
        Console.WriteLine();
    }

    public static void StartingOver(long poolBytes, long newPoolBytes) =>
        Console.WriteLine($"  The data compresses too little to fit into a pool of {Sizes.Format(poolBytes)}. "
            + $"Starting over with {Sizes.Format(newPoolBytes)}; --pool sets it.");

    public static void End(DataSet data, PagedResult paged, MappedResult mapped)
    {
        Memory(data, paged);
        SwapFile(paged);
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

    private static void SwapFile(PagedResult paged)
    {
        if (paged.Budgets.SwapFile is not { } file)
            return;

        PagerStatistics now = paged.Statistics;
        Line("swap file", $"{Sizes.Format(now.FileBytes)} of {Sizes.Format(file.Bytes)}, {Count(now.FilePages, "page")}");
        Line("", paged.IsDirect == true
            ? "O_DIRECT: read and written past the page cache"
            : "NO O_DIRECT: the file system refuses it, so the page cache is in between");
        Line("  written", $"{Sizes.Format(now.BytesWritten)} in {Count(now.Writebacks, "write-back")} of whole segments");
        Line("  read", $"{Sizes.Format(now.BytesRead)}, by faults and by cleaning; {Count(now.IoErrors, "error")}");
    }

    private static void Faults(PagedResult paged)
    {
        PagerStatistics now = paged.Statistics;
        FaultTimes times = paged.FaultTimes;
        Line("faults", $"{now.Faults:n0}, {now.FaultsFromPool:n0} of them from the pool"
            + (paged.Budgets.SwapFile is null ? "" : $", {now.FaultsFromFile:n0} from the swap file"));
        Line("evictions", $"{now.Evictions:n0}, {now.CleanEvictions:n0} of them clean");
        if (times.FromPool.Count == 0)
        {
            Line("time of a fault", $"not measured: none of {times.Leases:n0} random leases found its page in the pool");
        }
        else
        {
            Line("time of a fault", $"median {Microseconds(times.FromPool.Median)}, p99 {Microseconds(times.FromPool.Percentile99)}");
            Line("", $"to take a read lease on a page in the pool; one thread, {times.Leases:n0} random leases timed,");
            Line("", $"{times.FromPool.Count:n0} of them faults by the pager's own counter");
        }

        if (times.FromFile is { Count: > 0 } file)
        {
            Line("  from the file", $"mean {Microseconds(file.Mean)}, median {Microseconds(file.Median)}, p99 {Microseconds(file.Percentile99)}; "
                + $"{Count(file.Count, "lease")}");
        }
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
