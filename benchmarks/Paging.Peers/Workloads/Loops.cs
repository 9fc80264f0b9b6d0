using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Paging.Peers.Workloads;

/// <summary>A sum over floats that are all in frames, in the forms that people write it.</summary>
internal static class Loops
{
    private const int Count = 8 << 20;

    /// <summary>Nanoseconds an element: a managed array; through leases with the loop in a method of its own, and in place.</summary>
    public static string Run(TimeSpan time)
    {
        float[] plain = new float[Count];
        for (int i = 0; i < Count; i++)
        {
            plain[i] = i & 1023;
        }

        using Pager pager = new(new PagerOptions { ResidentBytes = 64 << 20, PoolBytes = 64 << 20 });
        using PagedArray<float> paged = pager.From<float>(plain);
        Func<double>[] forms = [() => OverArray(plain), () => ThroughMethod(paged), () => InPlace(paged)];
        foreach (Func<double> form in forms)
        {
            Check(form());
            for (int i = 0; i < 40; i++)
            {
                form();
            }
        }

        Thread.Sleep(200); // the last tier is compiled beside us
        double[] best = new double[forms.Length];
        long start = Stopwatch.GetTimestamp();
        List<double>[] all = [.. forms.Select(_ => new List<double>())];
        do
        {
            for (int i = 0; i < forms.Length; i++)
            {
                long begin = Stopwatch.GetTimestamp();
                Check(forms[i]());
                all[i].Add(Stopwatch.GetElapsedTime(begin).TotalNanoseconds / Count);
            }
        }
        while (Stopwatch.GetElapsedTime(start) < time);

        return string.Join(' ', all.Select(a => a.Order().ElementAt(a.Count / 2).ToString(CultureInfo.InvariantCulture)));
    }

    private static void Check(double sum)
    {
        if (sum != Count / 1024 * (1023.0 * 1024 / 2))
        {
            throw new Data.DataMismatchException($"A sum came to {sum}.");
        }
    }

    // In pieces of a page everywhere, so that the sums are the same and a float holds them exactly.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double OverArray(float[] values)
    {
        double total = 0;
        for (int start = 0; start < values.Length; start += 4096)
        {
            total += Sum(values.AsSpan(start, 4096));
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double ThroughMethod(PagedArray<float> values)
    {
        double total = 0;
        for (long start = 0; start < values.Length;)
        {
            using ReadLease<float> page = values.Read(start);
            total += Sum(page.Span);
            start += page.Span.Length;
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double InPlace(PagedArray<float> values)
    {
        double total = 0;
        for (long start = 0; start < values.Length;)
        {
            using ReadLease<float> page = values.Read(start);
            float sum = 0;
            foreach (float x in page.Span)
            {
                sum += x;
            }

            total += sum;
            start += page.Span.Length;
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Sum(ReadOnlySpan<float> values)
    {
        float sum = 0;
        foreach (float x in values)
        {
            sum += x;
        }

        return sum;
    }
}
