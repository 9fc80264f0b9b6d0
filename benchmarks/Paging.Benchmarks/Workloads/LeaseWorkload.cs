using System.Numerics;
using System.Runtime.CompilerServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>A read lease on a resident page (take, read one element, dispose) against an interlocked add, the same read, an
/// interlocked subtract.</summary>
/// <remarks>A page that may be evicted has to be held by a word that others see, which cannot be had for less than the two interlocked
/// operations. The limit has its counters side by side, a word a page, as close together as a page table's. The lease is taken as
/// users write it, by `using`, and once more with a plain call of Dispose, which spares the JIT a try and finally.</remarks>
internal static class LeaseWorkload
{
    private const int IndexCount = 1 << 20;
    private const double BoundRatio = 2.0;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            Compare("64 pages", 64L * pageBytes, pageBytes, options, harness, report);
            Compare("64 MiB", 64L << 20, pageBytes, options, harness, report);
        }
    }

    private static void Compare(string name, long bytes, int pageBytes, Options options, Harness harness, Report report)
    {
        using ResidentArray<long> data = new(bytes, pageBytes, options.Seed, bits => bits);
        int[] indexes = Orders.RandomIndexes(IndexCount, data.Length, options.Seed + 1);
        using CountingSide limit = new(data, indexes, pageBytes);

        Series[] series = harness.Measure(allThreads: false, new UsingSide(data, indexes), new DisposeSide(data, indexes), limit);

        data.Verify();
        report.Add(Row.Ratio("lease", $"{name}, using", pageBytes, series[0], series[2], Bound.AtMost(BoundRatio), data.Note));
        report.Add(Row.Ratio("lease", $"{name}, Dispose()", pageBytes, series[1], series[2], Bound.AtMost(BoundRatio), data.Note));
    }

    private abstract class LeaseSide(int[] indexes) : ISide
    {
        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < indexes.Length; i += Orders.Slice)
            {
                sum += Read(Orders.SliceAt(indexes, i));
            }

            return new Outcome(indexes.Length, sum);
        }

        protected abstract long Read(ReadOnlySpan<int> slice);
    }

    private sealed class UsingSide(ResidentArray<long> data, int[] indexes) : LeaseSide(indexes)
    {
        private readonly PagedArray<long> _array = data.Array;

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            PagedArray<long> array = _array;
            long sum = 0;
            foreach (int index in slice)
            {
                using ReadLease<long> lease = array.Read(index);
                sum += lease.Span[0];
            }

            return sum;
        }
    }

    private sealed class DisposeSide(ResidentArray<long> data, int[] indexes) : LeaseSide(indexes)
    {
        private readonly PagedArray<long> _array = data.Array;

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            PagedArray<long> array = _array;
            long sum = 0;
            foreach (int index in slice)
            {
                ReadLease<long> lease = array.Read(index);
                sum += lease.Span[0];
                lease.Dispose();
            }

            return sum;
        }
    }

    private sealed unsafe class CountingSide(ResidentArray<long> data, int[] indexes, int pageBytes) : LeaseSide(indexes), IDisposable
    {
        private readonly int _shift = BitOperations.Log2((uint)(pageBytes / sizeof(long)));
        private readonly NativeBuffer _counters = new(sizeof(long) * ((data.Length / (pageBytes / sizeof(long))) + 1L));

        public void Dispose() => _counters.Dispose();

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            long* counters = (long*)_counters.Pointer;
            long* elements = data.Native;
            int shift = _shift;
            long sum = 0;
            foreach (int index in slice)
            {
                ref long counter = ref counters[index >> shift];
                _ = Interlocked.Add(ref counter, 1);
                sum += elements[index];
                _ = Interlocked.Add(ref counter, -1);
            }

            return sum;
        }
    }
}
