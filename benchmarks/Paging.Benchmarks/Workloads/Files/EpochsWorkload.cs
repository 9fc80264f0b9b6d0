using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Swap;
using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Epochs over a mapped file by <see cref="BatchReader{T}"/>, rows of 4 KiB, 256 a batch, two batches ahead: block-shuffled against in
/// sequence, and fully shuffled against the same rows read by bare io_uring, 32 at once.</summary>
/// <remarks>Frames and pool are an eighth of the file each, and one background thread. The ring reads rows, whatever the page size, and copies
/// nothing. Where a page holds several rows, shuffled ones read more than that: only rows as long as a page have a bound. Nothing is
/// encoded in the file.</remarks>
internal static class EpochsWorkload
{
    private const int RowBytes = 4 << 10;
    private const int Columns = RowBytes / sizeof(long);
    private const int BatchRows = 256;
    private const int BlockRows = 64;
    private const int WindowBlocks = 16;
    private const int Depth = 32;
    private const int RawBytes = 1 << 20;
    private const int ResidentShare = 8;

    /// <summary>With fewer, orders in sequence have no windows.</summary>
    private const long LeastBytes = 384L << 20;
    private const double LeastShareOfSequence = 0.9;
    private const double LeastShareOfRing = 0.8;

    public static void Run(Options options, Harness harness, Report report)
    {
        long bytes = Math.Max(options.DataBytes, LeastBytes) / RawBytes * RawBytes;
        foreach (FileGroup group in options.Groups)
        {
            string path = Path.Combine(options.SwapDirectory, $"paging-epochs-{Guid.NewGuid():n}");
            try
            {
                if (!MappedWorkload.TryWrite(group, path, bytes))
                {
                    continue;
                }

                foreach (int pageBytes in options.PageSizes)
                {
                    Compare(group.Name, path, bytes, pageBytes, options.Seed, harness, report);
                }
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    private static void Compare(string name, string path, long bytes, int pageBytes, int seed, Harness harness, Report report)
    {
        using Pager pager = new(new PagerOptions
        {
            ResidentBytes = bytes / ResidentShare,
            PoolBytes = bytes / ResidentShare,
            PageBytes = pageBytes,
            BackgroundThreads = 1,
        });
        using PagedMatrix<long> matrix = pager.MapFileMatrix<long>(path, Columns);
        EpochSide sequential = new(matrix, RowOrder.Sequential(matrix.Rows));
        EpochSide blockShuffled = new(matrix, RowOrder.BlockShuffled(matrix.Rows, (ulong)seed, BlockRows, WindowBlocks));
        EpochSide shuffled = new(matrix, RowOrder.Shuffled(matrix.Rows, (ulong)seed));
        using RawFile file = RawFile.OpenExisting(path);
        using RawSide raw = new(file);
        Series[] series = harness.Measure(allThreads: true, sequential, blockShuffled, raw);
        string note = $"in sequence {RowBytes / series[0].Median:0.00} GB/s, raw reads of 1 MiB {RowBytes / series[2].Median:0.00}, " +
            $"O_DIRECT {file.IsDirect}";
        report.Add(Row.Throughput(
            "epochs", $"{name}, block-shuffled", pageBytes, RowBytes, series[1], series[0], Bound.AtLeast(LeastShareOfSequence), note));
        if (UringEngine.TryCreate(out UringEngine? engine) != 0 || engine is null)
        {
            return;
        }

        using (engine)
        using (RingSide ring = new(engine, file, (int)matrix.Rows, seed))
        {
            series = harness.Measure(allThreads: true, shuffled, ring);
        }

        report.Add(Row.Throughput(
            "epochs", $"{name}, shuffled", pageBytes, RowBytes, series[0], series[1],
            pageBytes == RowBytes ? Bound.AtLeast(LeastShareOfRing) : Bound.None, $"against io_uring, {Depth} at once"));
    }

    private static long Sum(ReadOnlySpan<long> row) => row[0] + row[Columns / 2] + row[Columns - 1];

    /// <summary>One epoch after the other.</summary>
    private sealed class EpochSide(PagedMatrix<long> matrix, RowOrder order) : ISide
    {
        private long _epoch;

        public Outcome Run()
        {
            long sum = 0;
            using BatchReader<long> batches = matrix.ReadBatches(order, BatchRows, _epoch++);
            while (batches.MoveNext())
            {
                sum += SumOf(batches.Current);
            }

            return new Outcome(matrix.Rows, sum);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static long SumOf(ReadOnlySpan<long> rows)
        {
            long sum = 0;
            for (; !rows.IsEmpty; rows = rows[Columns..])
            {
                sum += Sum(rows[..Columns]);
            }

            return sum;
        }
    }

    private sealed unsafe class RingSide : ISide, IDisposable
    {
        private readonly RingReader _reader;
        private readonly int[] _order;
        private long _sum;

        public RingSide(UringEngine engine, RawFile file, int rows, int seed)
        {
            _order = Orders.Permutation(rows, seed);
            _reader = new RingReader(engine, file.Handle, Depth, RowBytes, static row => new BlockRange((long)row * RowBytes, RowBytes, Skip: 0));
        }

        public Outcome Run()
        {
            _sum = 0;
            _reader.Read(_order, (_, bytes) => _sum += Sum(new ReadOnlySpan<long>(bytes, Columns)));
            return new Outcome(_order.Length, _sum);
        }

        public void Dispose() => _reader.Dispose();
    }

    private sealed unsafe class RawSide(RawFile file) : ISide, IDisposable
    {
        private readonly NativeBuffer _buffer = new(RawBytes);

        public Outcome Run()
        {
            long sum = 0;
            for (long at = 0; at < file.Bytes; at += RawBytes)
            {
                byte* rows = file.ReadRange(at, RawBytes, _buffer.Pointer);
                for (int i = 0; i < RawBytes; i += RowBytes)
                {
                    sum += Sum(new ReadOnlySpan<long>(rows + i, Columns));
                }
            }

            return new Outcome(file.Bytes / RowBytes, sum);
        }

        public void Dispose() => _buffer.Dispose();
    }
}
