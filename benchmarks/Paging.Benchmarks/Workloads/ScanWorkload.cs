using System.Numerics;
using System.Runtime.CompilerServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Reading in sequence, a lease a page, against one span over native memory, with the same loop over the elements.</summary>
/// <remarks>The limit is not cut into pages. The plain loop is what a user writes first; the vectorised one, four sums wide, runs at the
/// speed of memory, so that a lease has nowhere to hide. In the second-level cache even a page of 4 KiB takes but some 50 ns, two
/// interlocked operations of which are a good part: that row is there to be looked at and has no bound. The elements are zeroes
/// and ones, whose float sums are exact in any order, so that both sides can be compared to the last bit.</remarks>
internal static class ScanWorkload
{
    private const double BoundRatio = 1.1;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            Compare("64 MiB, plain loop", 64L << 20, vector: false, Bound.AtMost(BoundRatio), pageBytes, options, harness, report);
            Compare("64 MiB, vectors", 64L << 20, vector: true, Bound.AtMost(BoundRatio), pageBytes, options, harness, report);
            Compare("512 KiB, vectors", 512L << 10, vector: true, Bound.None, pageBytes, options, harness, report);
        }
    }

    private static void Compare(
        string name, long bytes, bool vector, Bound bound, int pageBytes, Options options, Harness harness, Report report)
    {
        using ResidentArray<float> data = new(bytes, pageBytes, options.Seed, bits => bits & 1);

        Series[] series = harness.Measure(allThreads: false, new LeasesSide(data, vector), new SpanSide(data, vector));

        data.Verify();
        report.Add(Row.Ratio("scan", name, pageBytes, series[0], series[1], bound, data.Note));
    }

    private static long Sum(ReadOnlySpan<float> values, bool vector) => vector ? VectorSum(values) : PlainSum(values);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long PlainSum(ReadOnlySpan<float> values)
    {
        float sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }

        return (long)sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long VectorSum(ReadOnlySpan<float> values)
    {
        int step = Vector<float>.Count;
        Vector<float> a = default, b = default, c = default, d = default;
        int i = 0;
        for (; i <= values.Length - (4 * step); i += 4 * step)
        {
            a += new Vector<float>(values[i..]);
            b += new Vector<float>(values[(i + step)..]);
            c += new Vector<float>(values[(i + (2 * step))..]);
            d += new Vector<float>(values[(i + (3 * step))..]);
        }

        float sum = Vector.Sum(a + b + (c + d));
        for (; i < values.Length; i++)
        {
            sum += values[i];
        }

        return (long)sum;
    }

    private sealed class LeasesSide(ResidentArray<float> data, bool vector) : ISide
    {
        private readonly PagedArray<float> _array = data.Array;

        public Outcome Run()
        {
            // A slice of pages a call, see ISide.
            long sum = 0;
            long step = (long)_array.PageLength * 16;
            for (long start = 0; start < _array.Length; start += step)
            {
                sum += Scan(start, Math.Min(start + step, _array.Length));
            }

            return new Outcome(_array.Length, sum);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Scan(long start, long end)
        {
            PagedArray<float> array = _array;
            long sum = 0;
            while (start < end)
            {
                using ReadLease<float> lease = array.Read(start);
                ReadOnlySpan<float> span = lease.Span;
                sum += Sum(span, vector);
                start += span.Length;
            }

            return sum;
        }
    }

    private sealed class SpanSide(ResidentArray<float> data, bool vector) : ISide
    {
        public Outcome Run() => new(data.Length, Sum(data.Span, vector));
    }
}
