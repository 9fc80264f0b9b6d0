using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Summing all elements through leases, in the forms that users write, each against the same form over a managed array.</summary>
/// <remarks>The loop within the scope of a lease keeps its sum in memory: the JIT finds no floating-point register that survives the calls
/// which taking and giving back a lease may need, and does not see that none of them lies within the loop. So that row has no bound; the two others
/// are what the README tells users to write. The elements are zeroes and ones, whose float sums are exact in any order.</remarks>
internal static class SumWorkload
{
    private const double BoundRatio = 1.1;

    /// <summary>Pages in a call of the method that sums them, see <see cref="ISide"/>.</summary>
    private const int SlicePages = 16;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            using ResidentArray<float> data = new(64L << 20, pageBytes, options.Seed, bits => bits & 1);
            float[] plain = data.Span.ToArray();

            Series[] series = harness.Measure(
                allThreads: false,
                new LoopInLease(data),
                new LoopInMethod(data),
                new Tensors(data),
                new PlainLoop(data, plain),
                new PlainTensors(data, plain));

            data.Verify();
            report.Add(Row.Ratio("sum", "64 MiB, loop in the lease", pageBytes, series[0], series[3], Bound.None, data.Note));
            report.Add(Row.Ratio("sum", "64 MiB, loop in a method", pageBytes, series[1], series[3], Bound.AtMost(BoundRatio), data.Note));
            report.Add(Row.Ratio("sum", "64 MiB, TensorPrimitives", pageBytes, series[2], series[4], Bound.AtMost(BoundRatio), data.Note));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Sum(ReadOnlySpan<float> values)
    {
        float sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }

        return sum;
    }

    private abstract class SumSide(ResidentArray<float> data) : ISide
    {
        protected PagedArray<float> Array { get; } = data.Array;

        public Outcome Run()
        {
            double sum = 0;
            long step = (long)Array.PageLength * SlicePages;
            for (long start = 0; start < Array.Length; start += step)
            {
                sum += SumOf(start, Math.Min(start + step, Array.Length));
            }

            return new Outcome(Array.Length, (long)sum);
        }

        protected abstract float SumOf(long start, long end);
    }

    private sealed class LoopInLease(ResidentArray<float> data) : SumSide(data)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override float SumOf(long start, long end)
        {
            PagedArray<float> array = Array;
            float sum = 0;
            while (start < end)
            {
                using ReadLease<float> page = array.Read(start);
                foreach (float value in page.Span)
                {
                    sum += value;
                }

                start += page.Span.Length;
            }

            return sum;
        }
    }

    private sealed class LoopInMethod(ResidentArray<float> data) : SumSide(data)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override float SumOf(long start, long end)
        {
            PagedArray<float> array = Array;
            float sum = 0;
            while (start < end)
            {
                using ReadLease<float> page = array.Read(start);
                sum += Sum(page.Span);
                start += page.Span.Length;
            }

            return sum;
        }
    }

    private sealed class Tensors(ResidentArray<float> data) : SumSide(data)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override float SumOf(long start, long end)
        {
            PagedArray<float> array = Array;
            float sum = 0;
            while (start < end)
            {
                using ReadLease<float> page = array.Read(start);
                sum += TensorPrimitives.Sum(page.Span);
                start += page.Span.Length;
            }

            return sum;
        }
    }

    private sealed class PlainLoop(ResidentArray<float> data, float[] plain) : SumSide(data)
    {
        protected override float SumOf(long start, long end) => Sum(plain.AsSpan((int)start, (int)(end - start)));
    }

    private sealed class PlainTensors(ResidentArray<float> data, float[] plain) : SumSide(data)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override float SumOf(long start, long end) => TensorPrimitives.Sum<float>(plain.AsSpan((int)start, (int)(end - start)));
    }
}
