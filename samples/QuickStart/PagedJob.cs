// The main job: data several times larger than the memory budget, in a PagedArray<byte>, used by several threads.
using System.Diagnostics;
using Paging;

namespace QuickStart;

/// <param name="Statistics">After the last phase, with the data still held.</param>
internal sealed record PagedResult(
    PageChecks Checks,
    Budgets Budgets,
    PagerStatistics Statistics,
    FaultTimes FaultTimes,
    Phase Load,
    Phase ReadAtRandom,
    Phase ReadInOrder,
    Phase Write,
    Phase VerifyWritten,
    long PeakGrowth)
{
    public long GrowthAfterDispose { get; init; }

    /// <summary>Whether the swap file bypasses the page cache; null when there is none.</summary>
    public bool? IsDirect { get; init; }
}

/// <summary>Leases timed one by one on one thread, and the times of those that had to bring their page from the pool, or from the
/// swap file.</summary>
internal sealed record FaultTimes(int Leases, Times FromPool, Times FromFile);

/// <param name="Count">How many; with none the times are zero.</param>
internal sealed record Times(int Count, TimeSpan Mean, TimeSpan Median, TimeSpan Percentile99)
{
    public static Times Of(List<TimeSpan> times)
    {
        times.Sort();
        return times.Count == 0
            ? new Times(0, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero)
            : new Times(
                times.Count,
                TimeSpan.FromTicks((long)times.Average(time => time.Ticks)),
                times[times.Count / 2],
                times[(int)(times.Count * 0.99)]);
    }
}

internal sealed class PagedJob(DataSet data, Workload work, Budgets budgets, Phases phases)
{
    private const int ProbeLeases = 20_000;
    private static readonly TimeSpan s_longestProbe = TimeSpan.FromSeconds(2);

    /// <exception cref="DifferenceException">A byte came back different.</exception>
    /// <exception cref="InputException">The data cannot be read, or does not fit into the budgets.</exception>
    public PagedResult Run()
    {
        // How far data compresses is known only when it is in. A default pool that proves too small is enlarged, up to
        // what holds the data uncompressed with room to spare; one that was asked for is kept to.
        for (Budgets current = budgets; ; current = current with { PoolBytes = current.PoolBytes * 2 })
        {
            try
            {
                return Run(current);
            }
            catch (OutOfPagingSpaceException) when (current.MayGrowPool && current.PoolBytes / 2 < data.Length)
            {
                Report.StartingOver(current.PoolBytes, current.PoolBytes * 2);
            }
            catch (OutOfPagingSpaceException e)
            {
                throw new InputException(
                    $"{Sizes.Format(data.Length)} of data do not fit into --resident {current.ResidentBytes} "
                    + $"and --pool {current.PoolBytes}"
                    + (current.SwapFile is { } file ? $" with --swap-size {file.Bytes}" : "")
                    + $"; pass more: {e.Message}", e);
            }
        }
    }

    private PagedResult Run(Budgets current)
    {
        MemoryWatch memory = new();
        phases.OnTick = memory.Sample;
        PagedResult result;
        using (Pager pager = current.CreatePager(out SwapFile? swapFile))
        {
            using PagedArray<byte> array = pager.Allocate<byte>(data.Length, new PagedArrayOptions { Name = "quickstart" });
            PageChecks checks = new(data, work);

            Phase load = Load(array, checks);
            Phase readAtRandom = Read("read at random", array, checks, work.PagesAtRandom);
            Phase readInOrder = Read("read in order", array, checks, work.PagesInOrder);
            FaultTimes faultTimes = TimeFaults(pager, array);
            Phase write = Write(array);
            Phase verify = VerifyWritten(array, checks);

            result = new PagedResult(
                checks, current, pager.GetStatistics(), faultTimes, load, readAtRandom, readInOrder, write, verify, memory.PeakGrowth)
            {
                IsDirect = swapFile?.IsDirect,
            };
        }

        return result with { GrowthAfterDispose = memory.Growth };
    }

    private Phase Load(PagedArray<byte> array, PageChecks checks) =>
        phases.Run("load", data.Length, (worker, progress) =>
        {
            using DataSet.Reader reader = data.OpenReader();
            byte[] buffer = new byte[work.PageBytes];
            (int first, int end) = work.Share(worker);
            for (int page = first; page < end; page++)
            {
                Span<byte> bytes = buffer.AsSpan(0, work.LengthOf(page));
                reader.Read(work.Start(page), bytes);
                checks.Record(page, bytes);
                array.CopyFrom(work.Start(page), bytes);
                progress.Advance(worker, bytes.Length);
            }
        });

    private Phase Read(string name, PagedArray<byte> array, PageChecks checks, Func<int, IEnumerable<int>> order) =>
        phases.Run(name, work.Passes * data.Length, (worker, progress) =>
        {
            foreach (int page in order(worker))
            {
                // The span is the page itself, pinned until the lease is disposed: nothing is copied.
                using ReadLease<byte> lease = array.Read(work.Start(page));
                checks.Verify(page, lease.Span);
                progress.Advance(worker, lease.Span.Length);
            }
        });

    private Phase Write(PagedArray<byte> array) =>
        phases.Run("write at random", work.EditedBytes, (worker, progress) =>
        {
            foreach (Edit edit in work.Edits[worker])
            {
                using WriteLease<byte> lease = array.Write(edit.Start, edit.Length);
                edit.Apply(lease.Span);
                progress.Advance(worker, edit.Length);
            }
        });

    private Phase VerifyWritten(PagedArray<byte> array, PageChecks checks) =>
        phases.Run("verify what was written", data.Length, (worker, progress) =>
        {
            using DataSet.Reader reader = data.OpenReader();
            byte[] buffer = new byte[work.PageBytes];
            (int first, int end) = work.Share(worker);
            for (int page = first; page < end; page++)
            {
                using ReadLease<byte> lease = array.Read(work.Start(page));
                checks.VerifyEdited(page, lease.Span, reader, buffer);
                progress.Advance(worker, lease.Span.Length);
            }
        });

    // On this thread alone, so that the counters tell exactly which leases faulted: no other thread could have moved them.
    private FaultTimes TimeFaults(Pager pager, PagedArray<byte> array)
    {
        List<TimeSpan> fromPool = new(ProbeLeases);
        List<TimeSpan> fromFile = new(ProbeLeases);
        int leases = 0;
        long begun = Stopwatch.GetTimestamp();
        foreach (int page in work.PagesToProbe())
        {
            if (leases++ == ProbeLeases || Stopwatch.GetElapsedTime(begun) > s_longestProbe)
                break;

            PagerStatistics before = pager.GetStatistics();
            long start = Stopwatch.GetTimestamp();
            using ReadLease<byte> lease = array.Read(work.Start(page));
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            PagerStatistics after = pager.GetStatistics();
            if (after.FaultsFromFile != before.FaultsFromFile)
                fromFile.Add(time);
            else if (after.FaultsFromPool != before.FaultsFromPool)
                fromPool.Add(time);
        }

        return new FaultTimes(leases - 1, Times.Of(fromPool), Times.Of(fromFile));
    }
}
