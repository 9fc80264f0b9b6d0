using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Running;

namespace Paging.Peers.Workloads;

/// <summary>What grows with the number of pages, and with threads.</summary>
internal static class Scaling
{
    private const int PageBytes = 4096;
    private const int FaultsARun = 200_000;
    private const int StoresARun = 100_000;
    private const long FewestFrames = 1024;
    private const int WordBytes = 8; // of a page, in its array's table
    private const int DescriptorBytes = 16;
    private const int HugePage = 2 << 20;

    /// <summary>Random faults among so many pages, each with a pattern of its own, which its descriptor holds: 10^7 pages of data would
    /// not fit. Nanoseconds a fault (the median of five), bytes of metadata a page, and what <see cref="Bare"/> takes for as many.</summary>
    public static string Faults(long pages, int seed)
    {
        using Pager pager = new(new PagerOptions { ResidentBytes = FewestFrames * PageBytes, PoolBytes = 64 << 20, PageBytes = PageBytes });
        using PagedArray<long> array = pager.Allocate<long>(pages * (PageBytes / sizeof(long)));
        for (long page = 0; page < pages; page++)
        {
            using WriteLease<long> lease = array.Write(page * array.PageLength);
            lease.Span.Fill(page + 1);
        }

        double fault = MedianOfFive(pages, seed, chosen =>
        {
            long before = pager.GetStatistics().Faults;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < chosen.Length; i += 1000)
            {
                Touch(array, chosen.AsSpan(i, 1000));
            }

            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / (pager.GetStatistics().Faults - before);
        });
        double metadata = pager.GetStatistics().MetadataBytes / (double)pages;
        return string.Create(CultureInfo.InvariantCulture, $"{fault} {metadata} {Bare(pages, seed)}");
    }

    /// <summary>What grows with the number of pages in any program that keeps a word and a descriptor for each: a load of the one and then
    /// of the other, from memory on huge pages as the library's is. Nanoseconds.</summary>
    private static unsafe double Bare(long pages, int seed)
    {
        long* words = Take(pages * WordBytes);
        long* descriptors = Take(pages * DescriptorBytes);
        try
        {
            for (long i = 0; i < pages; i++)
            {
                words[i] = i + 1;
                descriptors[i * (DescriptorBytes / sizeof(long))] = i + 1;
            }

            return MedianOfFive(pages, seed, chosen =>
            {
                long start = Stopwatch.GetTimestamp();
                long wrong = 0;
                foreach (long page in chosen)
                {
                    // Each load waits for the one before, as a fault waits for its page.
                    long word = words[page + wrong];
                    wrong += descriptors[(word - 1) * (DescriptorBytes / sizeof(long))] - page - 1;
                }

                return wrong == 0
                    ? Stopwatch.GetElapsedTime(start).TotalNanoseconds / chosen.Length
                    : throw new DataMismatchException($"Tables of {pages} pages came back different.");
            });
        }
        finally
        {
            NativeMemory.AlignedFree(words);
            NativeMemory.AlignedFree(descriptors);
        }
    }

    private static unsafe long* Take(long bytes)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)bytes, HugePage);
        Advice.Give(memory, (nuint)bytes, Advice.HugePages);
        return (long*)memory;
    }

    /// <summary>Of runs over random pages.</summary>
    private static double MedianOfFive(long pages, int seed, Func<long[], double> run)
    {
        double[] runs = new double[5];
        Random random = new(seed);
        long[] chosen = new long[FaultsARun];
        for (int i = 0; i < runs.Length; i++)
        {
            for (int j = 0; j < chosen.Length; j++)
            {
                chosen[j] = random.NextInt64(pages);
            }

            runs[i] = run(chosen);
        }

        return runs.Order().ElementAt(2);
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
