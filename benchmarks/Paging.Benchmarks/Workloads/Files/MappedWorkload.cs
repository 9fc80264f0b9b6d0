using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Rows of a file that is there already: in random order against a memory-mapped file with MADV_RANDOM, and in sequence against raw
/// O_DIRECT reads of 1 MiB.</summary>
/// <remarks>Frames and pool are a quarter of the data each. What the kernel gives the mapping is not ours to say: run it in a memory cgroup of
/// the data and some 150 MiB, of which half of the data is the pager's (docs/results.md has the command). Without one, the whole file is in
/// the page cache, and the random row shows what a cache of everything is worth.</remarks>
internal static partial class MappedWorkload
{
    private const int RowBytes = 1024;
    private const int RowsAPass = 4096;
    private const int RawBytes = 1 << 20;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            long bytes = options.DataBytes / RawBytes * RawBytes;
            string path = Path.Combine(options.SwapDirectory, $"paging-mapped-{Guid.NewGuid():n}");
            try
            {
                if (!TryWrite(group, path, bytes))
                {
                    continue;
                }

                foreach (int pageBytes in options.PageSizes)
                {
                    Compare(group.Name, path, bytes, pageBytes, options, harness, report);
                }
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    private static void Compare(string name, string path, long bytes, int pageBytes, Options options, Harness harness, Report report)
    {
        int[] order = Orders.RandomIndexes(64 * RowsAPass, (int)(bytes / RowBytes), options.Seed);
        using Rows ours =
            new(path, order, new PagerOptions { ResidentBytes = bytes / 4, PoolBytes = bytes / 4, PageBytes = pageBytes, BackgroundThreads = 1 });
        using Mapping mapping = new(path, order, bytes);

        // What is kept in front of the file takes longer to settle than the harness warms up.
        for (int i = 0; i < order.Length; i += RowsAPass)
        {
            ours.Run();
        }

        Series[] random = harness.Measure(allThreads: true, ours, mapping);
        report.Add(Row.Gain("mapped", $"{name}, random rows", pageBytes, random[0], random[1], Bound.AtLeast(3), ours.Note));

        long resident = Math.Max(1024L * pageBytes, 16L << 20);
        using Sequence sequence =
            new(path, new PagerOptions { ResidentBytes = resident, PoolBytes = 8 << 20, PageBytes = pageBytes, BackgroundThreads = 1 });
        using RawSequence raw = new(path, bytes);
        Series[] inOrder = harness.Measure(allThreads: true, sequence, raw);
        report.Add(Row.Throughput(
            "mapped",
            $"{name}, in sequence",
            pageBytes,
            RowBytes,
            inOrder[0],
            inOrder[1],
            Bound.AtLeast(0.9),
            $"{sequence.Note}; raw O_DIRECT {raw.IsDirect}"));
    }

    /// <summary>Writes the bytes of a group into a file, over and over. False when the group has too few.</summary>
    internal static bool TryWrite(FileGroup group, string path, long bytes)
    {
        byte[] some = group.Read(bytes);
        if (some.Length < RowBytes)
        {
            return false;
        }

        using FileStream file = File.Create(path);
        for (long left = bytes; left > 0; left -= some.Length)
        {
            file.Write(some, 0, (int)Math.Min(left, some.Length));

            // The same bytes again would be the same pages.
            some[(int)(left % some.Length)]++;
        }

        file.Flush(flushToDisk: true);
        return true;
    }

    private static long Sum(ReadOnlySpan<byte> row) => row[0] + row[RowBytes / 2] + row[RowBytes - 1];

    private sealed class Rows : ISide, IDisposable
    {
        private readonly Pager _pager;
        private readonly PagedMatrix<byte> _matrix;
        private readonly int[] _order;
        private int _next;

        public Rows(string path, int[] order, PagerOptions options)
        {
            _pager = new Pager(options);
            _matrix = _pager.MapFileMatrix<byte>(path, RowBytes);
            _matrix.Advise(0, _matrix.Rows, PageAdvice.Random);
            _order = order;
        }

        public string Note
        {
            get
            {
                PagerStatistics now = _pager.GetStatistics();
                return $"faults from the pool {100.0 * now.FaultsFromPool / now.Faults:0}%, " +
                    $"pool {now.PoolLogicalBytes >> 20} MiB in {now.PoolStoredBytes >> 20}";
            }
        }

        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < RowsAPass; i += Orders.Slice)
            {
                sum += Read(Orders.SliceAt(_order, _next + i));
            }

            _next = (_next + RowsAPass) % _order.Length;
            return new Outcome(RowsAPass, sum);
        }

        public void Dispose() => _pager.Dispose();

        private long Read(ReadOnlySpan<int> rows)
        {
            long sum = 0;
            foreach (int row in rows)
            {
                using ReadLease<byte> lease = _matrix.ReadRow(row);
                sum += Sum(lease.Span);
            }

            return sum;
        }
    }

    private sealed unsafe partial class Mapping : ISide, IDisposable
    {
        private const int Random = 1; // MADV_RANDOM

        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _view;
        private readonly byte* _bytes;
        private readonly int[] _order;
        private int _next;

        public Mapping(string path, int[] order, long bytes)
        {
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            _view = _file.CreateViewAccessor(0, bytes, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
            _ = Advise(_bytes, (nuint)bytes, Random);
            _order = order;
        }

        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < RowsAPass; i += Orders.Slice)
            {
                foreach (int row in Orders.SliceAt(_order, _next + i))
                {
                    sum += Sum(new ReadOnlySpan<byte>(_bytes + ((long)row * RowBytes), RowBytes));
                }
            }

            _next = (_next + RowsAPass) % _order.Length;
            return new Outcome(RowsAPass, sum);
        }

        public void Dispose()
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }

        [LibraryImport("libc", EntryPoint = "madvise")]
        private static partial int Advise(void* address, nuint length, int advice);
    }

    /// <summary>All rows in order, a lease each.</summary>
    private sealed class Sequence : ISide, IDisposable
    {
        private readonly Pager _pager;
        private readonly PagedMatrix<byte> _matrix;

        public Sequence(string path, PagerOptions options)
        {
            _pager = new Pager(options);
            _matrix = _pager.MapFileMatrix<byte>(path, RowBytes);
        }

        public string Note
        {
            get
            {
                PagerStatistics now = _pager.GetStatistics();
                return $"ahead {100.0 * now.PrefetchedPages / now.Faults:0}% of faults, wasted {100.0 * now.PrefetchWasted / now.Faults:0.0}%, " +
                    $"stored {100.0 * (now.Evictions - now.CleanEvictions) / now.Evictions:0}%";
            }
        }

        public Outcome Run()
        {
            long sum = 0;
            for (long row = 0; row < _matrix.Rows; row += Orders.Slice)
            {
                sum += Read(row, Math.Min(row + Orders.Slice, _matrix.Rows));
            }

            return new Outcome(_matrix.Rows, sum);
        }

        public void Dispose() => _pager.Dispose();

        private long Read(long row, long end)
        {
            long sum = 0;
            for (; row < end; row++)
            {
                using ReadLease<byte> lease = _matrix.ReadRow(row);
                sum += Sum(lease.Span);
            }

            return sum;
        }
    }

    private sealed unsafe class RawSequence : ISide, IDisposable
    {
        private readonly RawFile _file;
        private readonly NativeBuffer _buffer = new(RawBytes);
        private readonly long _bytes;

        public RawSequence(string path, long bytes)
        {
            _file = RawFile.OpenExisting(path);
            _bytes = bytes;
        }

        public bool IsDirect => _file.IsDirect;

        public Outcome Run()
        {
            long sum = 0;
            for (long at = 0; at < _bytes; at += RawBytes)
            {
                byte* rows = _file.ReadRange(at, RawBytes, _buffer.Pointer);
                for (int i = 0; i < RawBytes; i += RowBytes)
                {
                    sum += Sum(new ReadOnlySpan<byte>(rows + i, RowBytes));
                }
            }

            return new Outcome(_bytes / RowBytes, sum);
        }

        public void Dispose()
        {
            _file.Dispose();
            _buffer.Dispose();
        }
    }
}
