using System.Diagnostics;

namespace Paging.Benchmarks;

/// <summary>One side of a comparison: ours, or the limit that it is held against.</summary>
/// <remarks>A pass should walk its work in slices, each a call of one method that is not inlined: the runtime then brings that
/// method to its last tier by counting calls, where one long loop would stay in code that was replaced on the stack.</remarks>
internal interface ISide
{
    /// <summary>Brings the side to its starting state. Not timed.</summary>
    void Prepare()
    {
    }

    /// <summary>One pass over the work. Timed.</summary>
    Outcome Run();
}

/// <summary>What a pass did.</summary>
/// <param name="Operations">How many operations really happened: faults, evictions, reads.</param>
/// <param name="Sum">A sum of all that was read. All sides of a comparison must arrive at the same.</param>
internal readonly record struct Outcome(long Operations, long Sum);

/// <summary>The rounds of one side.</summary>
internal sealed record Series(double[] Nanoseconds, double AllocatedPerOperation)
{
    public double Median => Statistics.Median(Nanoseconds);
}

/// <summary>The sides did not read the same, or what was read is not what was written.</summary>
internal sealed class DataMismatchException(string message) : Exception(message);

/// <summary>Times sides against one another in alternating rounds within one process.</summary>
/// <param name="rounds">Rounds of each side.</param>
/// <param name="roundSeconds">The least that a round lasts, preparations included.</param>
internal sealed class Harness(int rounds, double roundSeconds = 0.08)
{
    private const double WarmUpSeconds = 0.5;
    private const double WarmUpLimitSeconds = 2.5;
    private const double StableWithin = 0.05;

    public int Rounds { get; } = rounds;

    /// <summary>Runs every side in every round, the order reversed each time, so that neither a slow spell of the machine nor the
    /// state in which one side leaves the caches always hits the same side.</summary>
    /// <param name="allThreads">Count what all threads allocate rather than this one.</param>
    public Series[] Measure(bool allThreads, params ISide[] sides)
    {
        int passes = PassesIn(WarmUp(sides));
        double[][] times = [.. sides.Select(_ => new double[Rounds])];
        double[] allocated = new double[sides.Length];
        for (int round = 0; round < Rounds; round++)
        {
            Collect();
            long?[] sums = new long?[sides.Length];
            for (int k = 0; k < sides.Length; k++)
            {
                int side = round % 2 == 0 ? k : sides.Length - 1 - k;
                Timing timing = RunRound(sides[side], passes, allThreads);
                times[side][round] = timing.Nanoseconds / Math.Max(1, timing.Operations);
                allocated[side] += timing.Allocated / (double)Math.Max(1, timing.Operations) / Rounds;
                sums[side] = timing.Sum;
            }

            Check(sums);
        }

        return [.. times.Select((t, i) => new Series(t, allocated[i]))];
    }

    public static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    /// <summary>Until all sides have settled: at least three rounds and half a second. Returns the seconds of the shortest
    /// pass.</summary>
    private static double WarmUp(ISide[] sides)
    {
        double[] last = new double[sides.Length];
        double[] whole = new double[sides.Length];
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; ; round++)
        {
            bool stable = true;
            for (int i = 0; i < sides.Length; i++)
            {
                long begin = Stopwatch.GetTimestamp();
                double seconds = RunRound(sides[i], 1, allThreads: false).Nanoseconds / 1e9;
                whole[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
                stable &= Math.Abs(seconds - last[i]) <= StableWithin * seconds;
                last[i] = seconds;
            }

            double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (round >= 2 && elapsed >= WarmUpSeconds && (stable || elapsed >= WarmUpLimitSeconds))
            {
                return whole.Min();
            }
        }
    }

    private int PassesIn(double passSeconds) =>
        (int)Math.Clamp(Math.Ceiling(roundSeconds / Math.Max(passSeconds, 1e-6)), 1, 1000);

    private static Timing RunRound(ISide side, int passes, bool allThreads)
    {
        Timing total = default;
        for (int pass = 0; pass < passes; pass++)
        {
            side.Prepare();
            long before = Allocated(allThreads);
            long start = Stopwatch.GetTimestamp();
            Outcome outcome = side.Run();
            double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            total = new Timing(
                total.Nanoseconds + nanoseconds,
                total.Operations + outcome.Operations,
                total.Allocated + Allocated(allThreads) - before,
                total.Sum + outcome.Sum);
        }

        return total;
    }

    private static long Allocated(bool allThreads) =>
        allThreads ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();

    private static void Check(long?[] sums)
    {
        if (sums.Distinct().Count() > 1)
        {
            throw new DataMismatchException($"The sides read different data: their sums are {string.Join(" and ", sums)}.");
        }
    }

    private readonly record struct Timing(double Nanoseconds, long Operations, long Allocated, long Sum);
}

internal static class Statistics
{
    public static double Median(IEnumerable<double> values) => Percentile([.. values.Order()], 0.5);

    /// <summary>Of values in ascending order; between two values the mean, so that an even number has a median too.</summary>
    public static double Percentile(double[] sorted, double fraction)
    {
        double at = fraction * (sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((at - below) * (sorted[above] - sorted[below]));
    }
}
