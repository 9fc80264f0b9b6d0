using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Random 4 KiB faults timed one by one, as it is done to time the kernel's zram and zswap, for setting beside those
/// figures.</summary>
/// <remarks>256 MiB made of one file, repeated, the first word of each page changed by its number; 20,000 accesses by the same
/// generator from the same seed. Such a program has all pages out at first and finds those resident that it has met before, about one
/// in seven; ours has its frames full at all times, and finds one in sixteen. The clock is read around each access in
/// both.</remarks>
internal static class KernelWorkload
{
    private const int PageBytes = 4 << 10;
    private const long LogicalBytes = 256L << 20;
    private const int PageCount = (int)(LogicalBytes / PageBytes);
    private const int Accesses = 20_000;
    private const int MostFiles = 5;
    private const double WarmUpSeconds = 0.6;

    public static void Run(Options options, Harness harness, Report report)
    {
        long resident = options.ResidentBytes ?? (16L << 20);
        string[] files = [.. options.Groups.SelectMany(g => g.Files.OrderByDescending(f => new FileInfo(f).Length).Take(MostFiles))];
        foreach (int threads in new[] { 0, 1 })
        {
            Console.WriteLine($"== paging, lz4, {resident >> 20} MiB of frames, BackgroundThreads = {threads}");
            foreach (string file in files)
            {
                Measure(file, resident, threads, options.Rounds);
            }
        }
    }

    private static void Measure(string file, long resident, int threads, int rounds)
    {
        byte[] input = File.ReadAllBytes(file);
        int inputPages = input.Length / PageBytes;
        if (inputPages == 0)
        {
            return;
        }

        using Pager pager = new(new PagerOptions
        {
            ResidentBytes = resident,
            PoolBytes = LogicalBytes / 4 * 5,
            PageBytes = PageBytes,
            BackgroundThreads = threads,
        });
        using PagedArray<byte> array = pager.Allocate<byte>(LogicalBytes);
        byte[] page = new byte[PageBytes];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < PageCount; i++)
        {
            Make(page, input, inputPages, i);
            array.CopyFrom((long)i * PageBytes, page);
        }

        double stored = Stopwatch.GetElapsedTime(start).TotalNanoseconds / PageCount;
        Console.WriteLine($"{file} stored {stored:0} ns/page resident after {pager.GetStatistics().ResidentBytes / PageBytes}/{PageCount}");

        PrintRandom(array, pager, rounds);

        start = Stopwatch.GetTimestamp();
        _ = Touch(array, 0, PageCount);
        Console.WriteLine($" sequential: {Stopwatch.GetElapsedTime(start).TotalNanoseconds / PageCount:0} ns/page");
        Verify(array, input, inputPages);
    }

    private static void PrintRandom(PagedArray<byte> array, Pager pager, int rounds)
    {
        long[] ticks = new long[Accesses];
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < WarmUpSeconds)
        {
            _ = Random(array, ticks);
            _ = Touch(array, 0, PageCount / 16);
        }

        Latency[] runs = new Latency[rounds];
        long faults = pager.GetStatistics().Faults;
        long allocated = 0;
        for (int i = 0; i < rounds; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            (double total, _) = Random(array, ticks);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            Array.Sort(ticks);
            runs[i] = new Latency(total / Accesses, At(ticks, 1, 2), At(ticks, 99, 100), At(ticks, 999, 1000));
        }

        faults = pager.GetStatistics().Faults - faults;
        Latency median = runs.OrderBy(r => r.P50).ElementAt(rounds / 2);
        Console.WriteLine($" random fault: mean {median.Mean:0} p50 {median.P50:0} p99 {median.P99:0} p99.9 {median.P999:0} ns" +
            $" (median of {rounds} runs by p50, which was {runs.Min(r => r.P50):0} to {runs.Max(r => r.P50):0}; " +
            $"faults {100.0 * faults / rounds / Accesses:0.0}%; {allocated / (double)rounds / Accesses:0.####} B/op)");
    }

    private static (double Nanoseconds, long Sum) Random(PagedArray<byte> array, long[] ticks)
    {
        long start = Stopwatch.GetTimestamp();
        ulong state = 88172645463325252UL;
        long sum = 0;
        for (int i = 0; i < ticks.Length; i += Orders.Slice)
        {
            sum += Random(array, ticks.AsSpan(i, Math.Min(Orders.Slice, ticks.Length - i)), ref state);
        }

        return (Stopwatch.GetElapsedTime(start).TotalNanoseconds, sum);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Random(PagedArray<byte> array, Span<long> ticks, ref ulong state)
    {
        ulong s = state;
        long sum = 0;
        for (int i = 0; i < ticks.Length; i++)
        {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            long index = (long)(s % PageCount) * PageBytes;
            long before = Stopwatch.GetTimestamp();
            using (ReadLease<byte> lease = array.Read(index))
            {
                sum += lease.Span[0];
            }

            ticks[i] = Stopwatch.GetTimestamp() - before;
        }

        state = s;
        return sum;
    }

    private static long Touch(PagedArray<byte> array, int first, int end)
    {
        long sum = 0;
        for (int i = first; i < end; i += Orders.Slice)
        {
            sum += TouchSlice(array, i, Math.Min(i + Orders.Slice, end));
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long TouchSlice(PagedArray<byte> array, int first, int end)
    {
        long sum = 0;
        for (int i = first; i < end; i++)
        {
            using ReadLease<byte> lease = array.Read((long)i * PageBytes);
            sum += lease.Span[0];
        }

        return sum;
    }

    private static void Make(byte[] page, byte[] input, int inputPages, int index)
    {
        input.AsSpan(index % inputPages * PageBytes, PageBytes).CopyTo(page);
        MemoryMarshal.Cast<byte, long>(page.AsSpan())[0] ^= index;
    }

    private static void Verify(PagedArray<byte> array, byte[] input, int inputPages)
    {
        byte[] expected = new byte[PageBytes];
        byte[] read = new byte[PageBytes];
        for (int i = 0; i < PageCount; i++)
        {
            Make(expected, input, inputPages, i);
            array.CopyTo((long)i * PageBytes, read);
            if (!read.AsSpan().SequenceEqual(expected))
            {
                throw new DataMismatchException($"Page {i} came back different from the array.");
            }
        }
    }

    private static double At(long[] sorted, int numerator, int denominator) =>
        sorted[sorted.Length * numerator / denominator] * (1e9 / Stopwatch.Frequency);

    private readonly record struct Latency(double Mean, double P50, double P99, double P999);
}
