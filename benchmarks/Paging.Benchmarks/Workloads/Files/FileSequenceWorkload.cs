using System.Runtime.CompilerServices;
using Paging.Threading;

namespace Paging.Benchmarks.Workloads;

/// <summary>Reading pages in sequence from a swap file, a lease a page, with one background thread that reads ahead, against the slower of two
/// limits: as many bytes as are stored, read by O_DIRECT in requests of 1 MiB, two at once; and the same pages decoded from memory by a thread for
/// each processor. Neither limit does what the other does, nor checks anything.</summary>
/// <remarks>The first limit reads no more than is in the file.</remarks>
internal static class FileSequenceWorkload
{
    private const int RequestBytes = 1 << 20;
    private const int Requests = 2;
    private const double LeastShare = 0.85;

    /// <summary>Fewer bytes than this would nearly all be in frames and in the pool.</summary>
    private const long LeastBytes = 256L << 20;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, Math.Max(options.DataBytes, LeastBytes));
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
        using FiledPages filed = new(pages, options, backgroundThreads: 1);
        long stored = filed.Stage.Domain.Counters[Counter.FileLiveBytes];
        using RawFile raw = new(options.SwapDirectory, RawFile.WholeBlocks(stored) + RequestBytes);
        Fill(raw);
        SwapPlace.Tell(options.SwapDirectory, filed.Stage, raw);
        using PackedPages packed = new(pages, resident, encoded: true);

        int[] order = [.. Enumerable.Range(0, pages.Count)];
        SequenceSide ours = new(filed, order);
        int threads = Environment.ProcessorCount;
        using CrewSide reading = new([.. Enumerable.Range(0, Requests).Select(i => new ReadingSide(raw, stored, i, order.Length))]);
        using CrewSide decoding = new([.. Enumerable.Range(0, threads).Select(i => new DecodingSide(packed, order, i, threads))]);
        Series[] series = harness.Measure(allThreads: true, ours, reading, decoding);

        filed.Verify(pages);
        int limit = series[1].Median > series[2].Median ? 1 : 2;
        string what = limit == 1 ? "against reading" : "against decoding";
        report.Add(Row.Throughput(
            "fileseq", name, pages.PageBytes, (double)stored / order.Length, series[0], series[limit], Bound.AtLeast(LeastShare),
            $"{what}, {ours.Note}; a page is read in {series[1].Median:0} ns, decoded in {series[2].Median:0}"));
    }

    private static unsafe void Fill(RawFile raw)
    {
        using NativeBuffer bytes = new(RequestBytes);
        new Random(1).NextBytes(bytes.Span<byte>(0, RequestBytes));
        for (long offset = 0; offset + RequestBytes <= raw.Bytes; offset += RequestBytes)
        {
            raw.WriteBlocks(offset, bytes.Pointer, RequestBytes);
        }
    }

    private sealed class SequenceSide(FiledPages pages, int[] order) : ISide
    {
        private long _faults;
        private long _fromFile;
        private long _bytes;
        private long _ahead;

        public string Note =>
            $"{100.0 * _fromFile / Math.Max(1, _faults):0.0}% of faults from the file, {100.0 * _ahead / Math.Max(1, _faults):0.0}% ahead, "
                + $"{_bytes / Math.Max(1, _fromFile):N0} bytes read for each";

        public Outcome Run()
        {
            PagerStatistics before = pages.Statistics;
            _ = pages.Read(order);
            PagerStatistics after = pages.Statistics;
            _faults += after.Faults - before.Faults;
            _fromFile += after.FaultsFromFile - before.FaultsFromFile;
            _ahead += after.PrefetchedPages - before.PrefetchedPages;
            _bytes += after.BytesRead - before.BytesRead;
            return new Outcome(order.Length, 0);
        }
    }

    /// <summary>One of the threads that read the file, every so many requests. Its pages are its share of all.</summary>
    private sealed unsafe class ReadingSide(RawFile raw, long stored, int number, int pages) : ISide
    {
        private readonly NativeBuffer _buffer = new(RequestBytes);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public Outcome Run()
        {
            for (long offset = (long)number * RequestBytes; offset < stored; offset += (long)Requests * RequestBytes)
            {
                _ = raw.ReadRange(offset, (int)RawFile.WholeBlocks(Math.Min(RequestBytes, stored - offset)), _buffer.Pointer);
            }

            return new Outcome((pages * (number + 1) / Requests) - (pages * number / Requests), 0);
        }
    }

    private sealed class DecodingSide(PackedPages pages, int[] order, int number, int threads) : ISide
    {
        private readonly int[] _order = order[(order.Length * number / threads)..(order.Length * (number + 1) / threads)];
        private Ring _frames = new(pages.FrameCount * number / threads, pages.FrameCount * (number + 1) / threads);

        public Outcome Run()
        {
            _ = pages.Decode(_order, ref _frames);
            return new Outcome(_order.Length, 0);
        }
    }
}
