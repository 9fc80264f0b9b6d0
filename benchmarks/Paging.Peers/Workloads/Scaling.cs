using System.Diagnostics;
using System.Globalization;
using Paging.Peers.Data;

namespace Paging.Peers.Workloads;

/// <summary>What grows with the number of pages, and with threads.</summary>
internal static class Scaling
{
    private const int PageBytes = 4096;
    private const int FaultsARun = 200_000;
    private const int StoresARun = 100_000;
    private const long FewestFrames = 1024;

    /// <summary>Random faults among so many pages, each with a pattern of its own, which its descriptor holds: 10^7 pages of data would
    /// not fit. Nanoseconds a fault (the median of five), and bytes of metadata a page.</summary>
    public static string Faults(long pages, int seed)
    {
        using Pager pager = new(new PagerOptions { ResidentBytes = FewestFrames * PageBytes, PoolBytes = 64 << 20, PageBytes = PageBytes });
        using PagedArray<long> array = pager.Allocate<long>(pages * (PageBytes / sizeof(long)));
        for (long page = 0; page < pages; page++)
        {
            using WriteLease<long> lease = array.Write(page * array.PageLength);
            lease.Span.Fill(page + 1);
        }

        double[] runs = new double[5];
        Random random = new(seed);
        long[] chosen = new long[FaultsARun];
        for (int run = 0; run < runs.Length; run++)
        {
            for (int i = 0; i < chosen.Length; i++)
            {
                chosen[i] = random.NextInt64(pages);
            }

            long before = pager.GetStatistics().Faults;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < chosen.Length; i += 1000)
            {
                Touch(array, chosen.AsSpan(i, 1000));
            }

            runs[run] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / (pager.GetStatistics().Faults - before);
        }

        double metadata = pager.GetStatistics().MetadataBytes / (double)pages;
        return string.Create(CultureInfo.InvariantCulture, $"{runs.Order().ElementAt(2)} {metadata}");
    }

    /// <summary>Pages that do not shrink, stored over others in a pool of which three quarters are live: each store has a page die somewhere,
    /// and the deadest segments are cleaned for it. Nanoseconds a store with the freeing of the page before (the median of five), and
    /// pages.</summary>
    public static string Stores(long poolBytes, int seed)
    {
        using Pager pager =
            new(new PagerOptions { ResidentBytes = FewestFrames * PageBytes, PoolBytes = poolBytes, PageBytes = PageBytes, BackgroundThreads = 0 });
        Random random = new(seed);
        byte[] page = new byte[PageBytes];
        random.NextBytes(page);
        SwapId[] ids = new SwapId[poolBytes / 4 * 3 / (PageBytes + 32)];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = Store(pager, page, i);
        }

        int[] chosen = new int[StoresARun];
        double[] runs = new double[6]; // the first is for code to be compiled and segments to come to rest
        for (int run = 0; run < runs.Length; run++)
        {
            for (int i = 0; i < chosen.Length; i++)
            {
                chosen[i] = random.Next(ids.Length);
            }

            // In a pool that is mostly filled in order, all segments are alike at first.
            int rounds = run == 0 ? Math.Max(1, ids.Length / StoresARun) : 1;
            long start = Stopwatch.GetTimestamp();
            for (int round = 0; round < rounds; round++)
            {
                foreach (int i in chosen)
                {
                    int other = (int)((i + ((long)round * StoresARun)) % ids.Length);
                    pager.Swap.Free(ids[other]);
                    ids[other] = Store(pager, page, other);
                }
            }

            runs[run] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / chosen.Length / rounds;
        }

        for (int i = 0; i < ids.Length; i++)
        {
            pager.Swap.Load(ids[i], page);
            if (BitConverter.ToInt32(page) != i)
            {
                throw new DataMismatchException($"Page {i} came back as {BitConverter.ToInt32(page)}.");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{runs[1..].Order().ElementAt(2)} {ids.Length}");
    }

    /// <summary>Rows a second by so many threads, of rows in the pool.</summary>
    public static string Threads(string path, int threads, TimeSpan time, int seed)
    {
        const long Rows = 16 << 10;
        using Pager pager = new(new PagerOptions { ResidentBytes = 8 << 20, PoolBytes = 128 << 20, PageBytes = PageBytes, BackgroundThreads = 0 });
        using PagedMatrix<byte> matrix = pager.AllocateMatrix<byte>(Rows, Row.Bytes);
        using (FileStream file = File.OpenRead(path))
        {
            byte[] row = new byte[Row.Bytes];
            for (long i = 0; i < Rows && file.ReadAtLeast(row, row.Length, throwOnEndOfStream: false) == row.Length; i++)
            {
                matrix.CopyFrom(i, row);
            }
        }

        _ = Read(matrix, threads, TimeSpan.FromMilliseconds(500), seed); // code is compiled, and what was loaded last is stored
        return Read(matrix, threads, time, seed);
    }

    private static string Read(PagedMatrix<byte> matrix, int threads, TimeSpan time, int seed)
    {
        long read = 0;
        DataMismatchException? mismatch = null;
        long start = Stopwatch.GetTimestamp();
        Thread[] all = [.. Enumerable.Range(0, threads).Select(n => new Thread(() =>
        {
            Random random = new(seed + n);
            long count = 0;
            try
            {
                for (; Stopwatch.GetElapsedTime(start) < time; count++)
                {
                    long row = random.NextInt64(matrix.Rows);
                    using ReadLease<byte> lease = matrix.ReadRow(row);
                    Row.CheckNumber(lease.Span, row);
                }
            }
            catch (DataMismatchException e) // told below
            {
                mismatch = e;
            }

            Interlocked.Add(ref read, count);
        }))];
        foreach (Thread thread in all)
        {
            thread.Start();
        }

        foreach (Thread thread in all)
        {
            thread.Join();
        }

        return mismatch is not null
            ? throw mismatch
            : string.Create(CultureInfo.InvariantCulture, $"{read} {Stopwatch.GetElapsedTime(start).TotalSeconds}");
    }

    private static SwapId Store(Pager pager, byte[] page, int number)
    {
        BitConverter.TryWriteBytes(page, number);
        return pager.Swap.Store(page);
    }

    private static void Touch(PagedArray<long> array, ReadOnlySpan<long> pages)
    {
        foreach (long page in pages)
        {
            using ReadLease<long> lease = array.Read(page * array.PageLength);
            if (lease.Span[0] != page + 1)
            {
                throw new DataMismatchException($"Page {page} came back as {lease.Span[0] - 1}.");
            }
        }
    }
}
