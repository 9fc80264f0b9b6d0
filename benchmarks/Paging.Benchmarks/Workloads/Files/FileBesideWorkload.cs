using System.Runtime.CompilerServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Faults from the pool while a swap file holds as much cold data, against the same faults in a pager that has neither.</summary>
internal static class FileBesideWorkload
{
    private const double MostRatio = 1.05;
    private const int MostAPass = 1024;

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
        int[] order = Orders.Permutation(pages.Count, options.Seed);
        using WarmPages beside = new(pages, order, options, hasFile: true);
        using WarmPages alone = new(pages, order, options, hasFile: false);

        Series[] series = Windows.Harness(harness).Measure(allThreads: false, beside, alone);

        if (beside.FaultsFromFile != 0)
        {
            throw new InvalidOperationException("The working set should have stayed in the pool.");
        }

        report.Add(Row.Ratio(
            "filebeside", name, pages.PageBytes, series[0], series[1], Bound.AtMost(MostRatio),
            $"{beside.FilePages:n0} cold pages in the file, {pages.Count:n0} warm ones in the pool"));
    }

    private sealed class WarmPages : ISide, IDisposable
    {
        private readonly SwapStage _stage;
        private readonly PagedArray<long>? _cold;
        private readonly PagedArray<long> _warm;
        private readonly Windows _windows;
        private readonly long _fromFileBefore;

        public WarmPages(PageSet pages, int[] order, Options options, bool hasFile)
        {
            _windows = new Windows(order, Windows.LengthFor(order.Length, MostAPass, share: 1));
            long bytes = RawFile.WholeBlocks(PagedPages.PoolBytesFor(pages));
            _stage = new SwapStage(
                new PagerOptions
                {
                    ResidentBytes = options.ResidentFor(pages.TotalBytes, pages.PageBytes),
                    PoolBytes = bytes,
                    PageBytes = pages.PageBytes,
                    BackgroundThreads = 0,
                },
                hasFile ? new SwapFileOptions { Path = options.SwapDirectory, Bytes = bytes } : null);
            if (hasFile)
            {
                _cold = FiledPages.Load(_stage, pages);
                _stage.PushOut();
            }

            _warm = FiledPages.Load(_stage, pages);
            _fromFileBefore = _stage.Statistics.FaultsFromFile;
        }

        public long FilePages => _stage.Statistics.FilePages;

        public long FaultsFromFile => _stage.Statistics.FaultsFromFile - _fromFileBefore;

        public Outcome Run()
        {
            long before = _stage.Statistics.Faults;
            ReadOnlySpan<int> order = _windows.Take();
            long sum = 0;
            for (int i = 0; i < order.Length; i += Orders.Slice)
            {
                sum += Read(order[i..Math.Min(i + Orders.Slice, order.Length)]);
            }

            return new Outcome(_stage.Statistics.Faults - before, sum);
        }

        public void Dispose()
        {
            _cold?.Dispose();
            _warm.Dispose();
            _stage.Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Read(ReadOnlySpan<int> order)
        {
            PagedArray<long> array = _warm;
            long pageLength = array.PageLength;
            long sum = 0;
            foreach (int page in order)
            {
                using ReadLease<long> lease = array.Read(page * pageLength);
                sum += lease.Span[0];
            }

            return sum;
        }
    }
}
