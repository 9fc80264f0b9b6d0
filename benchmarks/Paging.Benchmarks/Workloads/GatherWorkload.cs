using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Residency;
using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>A thousand random rows by Gather: of a resident matrix, against a hand-written loop that copies the same rows from native memory; of
/// one in the pool and of one in a file, against as many calls of ReadRow, each copied. From a file also against bare io_uring
/// (<see cref="RingPages"/>).</summary>
/// <remarks>
/// Rows are 4 KiB, so that there are one, four and sixteen to a page of 4, 16 and 64 KiB. Fair to the loop: it copies to the same place, from
/// memory with huge pages as large as the matrix, and is told neither about pages nor about rows that could be outside. Fair to the calls of
/// ReadRow: both sides work on one matrix in turns, in the same windows of rows, none of which returns before all others have been read; and the
/// pager has one background thread, which helps Gather and which reclaims for both. Not fair to them: a row that shares its page with another of
/// the thousand costs them a fault if the page has gone meanwhile, which is what Gather is for; the bounds are those of the project all the
/// same. The pool beside the file is small, or what is read twice would move into it.
/// </remarks>
internal static class GatherWorkload
{
    private const int RowBytes = 4 << 10;
    private const int Columns = RowBytes / sizeof(long);
    private const int RowsAtOnce = 1000;
    private const int NarrowBytes = 256;
    private const double LeastShareOfRing = 0.85;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            CompareResident(RowBytes, pageBytes, options, harness, report);
            CompareResident(NarrowBytes, pageBytes, options, harness, report);
        }

        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes);
                if (pages is not null)
                {
                    Compare($"{group.Name}, pool", pages, withFile: false, Bound.AtLeast(1.6), options, harness, report);
                    Compare(
                        $"{group.Name}, file",
                        pages,
                        withFile: true,
                        pageBytes == 16 << 10 ? Bound.AtLeast(4) : Bound.None,
                        options,
                        harness,
                        report);
                }
            }
        }
    }

    private static void CompareResident(int rowBytes, int pageBytes, Options options, Harness harness, Report report)
    {
        const long Bytes = 64L << 20;
        int columns = rowBytes / sizeof(long);
        using NativeBuffer native = new(Bytes);
        new Random(options.Seed).NextBytes(native.Span<byte>(0, (int)Bytes));
        using Pager pager = new(new PagerOptions
        {
            ResidentBytes = (Bytes / 2 * 3) + (64L * pageBytes), // above every watermark
            PoolBytes = 64L << 20,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Bytes / rowBytes, columns);
        matrix.CopyFrom(0, native.Span<long>(0, (int)(Bytes / sizeof(long))));
        for (long row = 0; row < matrix.Rows; row += matrix.RowsPerPage)
        {
            using ReadLease<long> lease = matrix.ReadRow(row);
        }

        long faults = pager.GetStatistics().Faults;
        long[][] windows = Windows(matrix.Rows, options.Seed);
        Series[] series = harness.Measure(
            allThreads: false, new GatherSide(matrix, windows), new LoopSide(native, windows, columns));
        report.Add(Row.Ratio(
            "gather", $"resident, {Report.Size(rowBytes)} rows", pageBytes, series[0], series[1], Bound.AtMost(1.2),
            pager.GetStatistics().Faults == faults ? string.Empty : "FAULTS: not wholly resident"));
    }

    private static void Compare(string name, PageSet pages, bool withFile, Bound bound, Options options, Harness harness, Report report)
    {
        long bytes = RawFile.WholeBlocks(PagedPages.PoolBytesFor(pages));
        using SwapStage stage = new(
            new PagerOptions
            {
                ResidentBytes = options.ResidentFor(pages.TotalBytes, pages.PageBytes),
                PoolBytes = withFile ? RawFile.WholeBlocks((pages.TotalBytes / 16) + (8L << 20)) : bytes,
                PageBytes = pages.PageBytes,
                BackgroundThreads = 1,
            },
            withFile ? new SwapFileOptions { Path = options.SwapDirectory, Bytes = bytes } : null);
        var geometry = Geometry.ForRows<long>(pages.TotalBytes / RowBytes, Columns, pages.PageBytes);
        using PagedMatrix<long> matrix = new(
            new PagedRegion(stage.Domain, geometry, name: null, new CompressionPolicy(sizeof(long), CompressionGoal.Speed, PageFilter.None)),
            geometry,
            Columns);
        for (int page = 0; page < pages.Count; page++)
        {
            matrix.CopyFrom((long)page * matrix.RowsPerPage, pages.Longs(page));
        }

        // The last pages are in frames, and dirty: reading others evicts them.
        for (int page = 0; page < pages.Count / 2; page++)
        {
            _ = matrix[(long)page * matrix.RowsPerPage, 0];
        }

        if (withFile)
        {
            stage.PushOut();
        }

        long[][] windows = Windows(matrix.Rows, options.Seed);
        GatherSide ours = new(matrix, windows);
        if (withFile)
        {
            CompareWithRing(name, pages, new GatherSide(matrix, windows), windows, stage, options, harness, report);
        }

        PagerStatistics before = stage.Statistics;
        Series[] series = harness.Measure(allThreads: true, ours, new ReadRowSide(matrix, windows));
        PagerStatistics after = stage.Statistics;
        double share = 100.0 * (withFile ? after.FaultsFromFile - before.FaultsFromFile : after.FaultsFromPool - before.FaultsFromPool)
            / Math.Max(1, after.Faults - before.Faults);
        report.Add(Row.Gain(
            "gather", name, pages.PageBytes, series[0], series[1], bound, $"{share:0.0}% of faults from there, {pages.Note}"));
    }

    private static void CompareWithRing(
        string name, PageSet pages, ISide ours, long[][] windows, SwapStage stage, Options options, Harness harness, Report report)
    {
        if (UringEngine.TryCreate(out UringEngine? engine) != 0 || engine is null)
        {
            return;
        }

        using RawPages raw = new(pages, options, stage.File.Bytes);
        int threads = Environment.ProcessorCount;
        int rowsPerPage = pages.PageBytes / RowBytes;
        RingPages[] readers = [.. Enumerable.Range(0, threads).Select(i => new RingPages(raw, engine, windows, rowsPerPage, i, threads))];
        using (CrewSide limit = new(readers))
        {
            Series[] series = harness.Measure(allThreads: true, new WithoutSum(ours), limit);
            report.Add(Row.Gain(
                "gather", name, pages.PageBytes, series[0], series[1], Bound.AtLeast(LeastShareOfRing),
                "against io_uring, 32 at once, and decoding on all cores"));
        }

        Array.ForEach(readers, static reader => reader.Dispose());
        engine.Dispose();
    }

    /// <summary>All rows in a random order, a thousand at a time.</summary>
    private static long[][] Windows(long rows, int seed) =>
        [.. Orders.Permutation((int)rows, seed).Chunk(RowsAtOnce).Where(window => window.Length == RowsAtOnce).Select(
            window => window.Select(row => (long)row).ToArray())];

    /// <summary>For a limit that sums nothing.</summary>
    private sealed class WithoutSum(ISide side) : ISide
    {
        public Outcome Run() => side.Run() with { Sum = 0 };
    }

    private abstract class Side(long[][] windows, int columns) : ISide
    {
        private readonly long[] _destination = GC.AllocateArray<long>(RowsAtOnce * columns, pinned: true);
        private int _next;

        public Outcome Run()
        {
            long[] rows = windows[_next++ % windows.Length];
            Copy(rows, _destination);
            long sum = 0;
            for (int i = 0; i < rows.Length; i++)
            {
                sum += _destination[i * columns] + _destination[(i * columns) + columns - 1];
            }

            return new Outcome(rows.Length, sum);
        }

        protected abstract void Copy(long[] rows, long[] destination);
    }

    private sealed class GatherSide(PagedMatrix<long> matrix, long[][] windows) : Side(windows, matrix.Columns)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override void Copy(long[] rows, long[] destination) => matrix.Gather(rows, destination);
    }

    private sealed class ReadRowSide(PagedMatrix<long> matrix, long[][] windows) : Side(windows, matrix.Columns)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override void Copy(long[] rows, long[] destination)
        {
            Span<long> left = destination;
            foreach (long row in rows)
            {
                using ReadLease<long> lease = matrix.ReadRow(row);
                lease.Span.CopyTo(left);
                left = left[matrix.Columns..];
            }
        }
    }

    private sealed unsafe class LoopSide(NativeBuffer native, long[][] windows, int columns) : Side(windows, columns)
    {
        private readonly int _columns = columns;

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override void Copy(long[] rows, long[] destination)
        {
            long* elements = (long*)native.Pointer;
            Span<long> left = destination;
            foreach (long row in rows)
            {
                new ReadOnlySpan<long>(elements + (row * _columns), _columns).CopyTo(left);
                left = left[_columns..];
            }
        }
    }
}
