using System.Diagnostics;
using System.Globalization;

namespace Paging.Peers.Workloads;

/// <summary>One thread allocates as programs do while others read rows; how long do the garbage collector's pauses take?</summary>
/// <remarks>A thread that waits for the kernel to bring in a page of a mapped file is running managed code as far as the collector can
/// see, and has to be waited for.</remarks>
internal static class GcStall
{
    private const int Kept = 20_000;

    /// <summary>The pauses, in microseconds.</summary>
    /// <param name="rows">Null: nobody reads.</param>
    public static string Run(IRowToucher? rows, long count, int readers, TimeSpan time)
    {
        using CancellationTokenSource end = new(time);
        long touched = 0;
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(1, rows is null ? 0 : readers).Select(seed => new Thread(() =>
        {
            try
            {
                Interlocked.Add(ref touched, Read(rows!, count, seed, end.Token));
            }
            catch (Exception e) // told below
            {
                failure = e;
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        List<double> pauses = Allocate(end.Token);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (failure is not null)
        {
            throw failure;
        }

        string all = string.Join(' ', pauses.Select(p => p.ToString("0.0", CultureInfo.InvariantCulture)));
        return $"{(touched / time.TotalSeconds).ToString("0", CultureInfo.InvariantCulture)} {all}";
    }

    private static List<double> Allocate(CancellationToken end)
    {
        List<double> pauses = new(100_000);
        object[] kept = new object[Kept];
        Random random = new(1);
        long seen = GC.GetGCMemoryInfo(GCKind.Any).Index;
        int collections = GC.CollectionCount(0);
        while (!end.IsCancellationRequested)
        {
            for (int i = 0; i < 64; i++)
            {
                kept[random.Next(Kept)] = new byte[random.Next(32, 1024)];
            }

            if (GC.CollectionCount(0) != collections)
            {
                collections = GC.CollectionCount(0);
                GCMemoryInfo last = GC.GetGCMemoryInfo(GCKind.Any);
                if (last.Index != seen)
                {
                    seen = last.Index;
                    foreach (TimeSpan pause in last.PauseDurations)
                    {
                        if (pause > TimeSpan.Zero)
                        {
                            pauses.Add(pause.TotalMicroseconds);
                        }
                    }
                }
            }
        }

        GC.KeepAlive(kept);
        return pauses;
    }

    private static long Read(IRowToucher rows, long count, int seed, CancellationToken end)
    {
        Random random = new(seed);
        long touched = 0;
        long sum = 0;
        for (; !end.IsCancellationRequested; touched++)
        {
            sum += rows.Touch(random.NextInt64(count));
        }

        return touched + (sum == 42 ? 1 : 0);
    }
}
