using System.Diagnostics;
using System.Globalization;

namespace Paging.Stress.Driver;

/// <summary>Four threads that read and write an array, each element of which says what it must be, while the budgets move; and what the
/// process has of memory meanwhile, by the system's count.</summary>
internal static class BudgetProbe
{
    private const int Threads = 4;
    private const int PageBytes = 16 << 10;
    private const long MiB = 1 << 20;

    /// <summary>Resizes to a tenth and back, and prints how long that takes and what the process has then.</summary>
    /// <returns>False when the process has much more than its budgets a second after they shrank.</returns>
    public static bool Resize(long residentBytes, int rounds)
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = residentBytes, PoolBytes = residentBytes, PageBytes = PageBytes });
        bool follows = true;
        Run(pager, residentBytes * 5 / 4, () =>
        {
            for (int round = 0; round < rounds; round++)
            {
                Thread.Sleep(2000);
                long before = ResidentSet();
                long held = before - Held(pager);
                var clock = Stopwatch.StartNew();
                pager.Resize(residentBytes / 10, residentBytes / 4);
                TimeSpan took = clock.Elapsed;
                long at = ResidentSet();
                Thread.Sleep(1000);
                long after = ResidentSet();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"  to a tenth of the frames and a quarter of the pool: {took.TotalMilliseconds:F0} ms; " +
                    $"the process has {before / MiB} MiB before, {at / MiB} when it returns, {after / MiB} a second later; " +
                    $"the pager {Held(pager) / MiB}"));
                follows &= after - held <= (residentBytes / 10) + (residentBytes / 4) + (64 * MiB);
                clock.Restart();
                pager.Resize(residentBytes, residentBytes);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and back: {clock.Elapsed.TotalMilliseconds:F0} ms"));
            }
        });
        return follows;
    }

    /// <summary>Follows the memory that is left, for some seconds, and prints the budgets.</summary>
    public static void Follow(int seconds)
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 256 * MiB,
            PoolBytes = 256 * MiB,
            PageBytes = PageBytes,
            FollowMemoryPressure = true,
            MinResidentBytes = 16 * MiB,
            MinPoolBytes = 96 * MiB,
        });
        Run(pager, 320 * MiB, () =>
        {
            for (int second = 1; second <= seconds; second++)
            {
                Thread.Sleep(1000);
                PagerStatistics now = pager.GetStatistics();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"  {second,3} s: frames {now.ResidentBytes / MiB,4} of {now.ResidentBudgetBytes / MiB,4} MiB, " +
                    $"pool {now.PoolBytes / MiB,4} of {now.PoolBudgetBytes / MiB,4} MiB, process {ResidentSet() / MiB,4} MiB"));
            }
        });
    }

    private static void Run(Pager pager, long bytes, Action meanwhile)
    {
        using PagedArray<long> array = pager.Allocate<long>(bytes / sizeof(long));
        var page = new long[array.PageLength];
        for (long start = 0; start + page.Length <= array.Length; start += page.Length)
        {
            for (int i = 0; i < page.Length; i++)
                page[i] = Expected(start + i);
            array.CopyFrom(start, page);
        }

        bool stopped = false;
        Exception? failure = null;
        long operations = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            try
            {
                var rng = new Rng((ulong)number);
                for (long done = 0; !Volatile.Read(ref stopped); done++)
                {
                    long start = rng.Next(array.PageCount - 1) * array.PageLength;
                    if (rng.Chance(20))
                    {
                        using WriteLease<long> lease = array.Write(start);
                        long index = rng.Next(lease.Span.Length);
                        lease.Span[(int)index] = Expected(start + index);
                    }
                    else
                    {
                        using ReadLease<long> lease = array.Read(start);
                        int index = rng.Next(lease.Span.Length);
                        if (lease.Span[index] != Expected(start + index))
                            throw new StressFailure($"Element {start + index} is {lease.Span[index]}.");
                    }

                    Interlocked.Increment(ref operations);
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        })
        { IsBackground = true })];
        Array.ForEach(threads, static thread => thread.Start());
        try
        {
            meanwhile();
        }
        finally
        {
            Volatile.Write(ref stopped, true);
            Array.ForEach(threads, static thread => thread.Join());
        }

        if (failure is not null)
            throw new StressFailure("A thread has failed.", inner: failure);
        for (long start = 0; start + page.Length <= array.Length; start += page.Length)
        {
            array.CopyTo(start, page);
            for (int i = 0; i < page.Length; i++)
            {
                if (page[i] != Expected(start + i))
                    throw new StressFailure($"Element {start + i} is {page[i]}.");
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {operations:N0} operations, and every element is as it must be."));
    }

    /// <summary>Shrinks to a fraction.</summary>
    private static long Expected(long index) => (index / 7 * 1_000_003) ^ 0x5AA5;

    private static long Held(Pager pager)
    {
        PagerStatistics now = pager.GetStatistics();
        return now.ResidentBytes + now.PoolBytes;
    }

    /// <summary>Bytes of memory that the process has, as the kernel counts them.</summary>
    private static long ResidentSet()
    {
        string[] fields = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(fields[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}
