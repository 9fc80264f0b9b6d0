using System.Runtime.CompilerServices;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Face;

/// <summary>What a pager holds, by its own gauges and by the resident set of the process. Alone: other tests have memory too.</summary>
[Collection(nameof(BudgetTests))]
[CollectionDefinition(nameof(BudgetTests), DisableParallelization = true)]
public class BudgetTests
{
    private const int PageBytes = 4 << 10;
    private const long MiB = 1 << 20;

    /// <summary>Tables are committed a few pages, or a huge page, at a time.</summary>
    private const long TableSlack = 8 * MiB;

    [Fact]
    public void An_untouched_array_of_1_TiB_costs_next_to_nothing()
    {
        using Pager pager = Make();
        using PagedArray<byte> array = pager.Allocate<byte>(1L << 40);
        Assert.Equal(1L << 28, array.PageCount);
        Assert.True(pager.GetStatistics().MetadataBytes < MiB, pager.GetStatistics().ToString());

        var buffer = new byte[100_000];
        for (long start = 0; start < array.Length; start += 1L << 34)
        {
            Assert.Equal(0, array[start]);
            array.CopyTo(start + 5, buffer);
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)0));
        }

        PagerStatistics read = pager.GetStatistics();
        Assert.True(read is { ResidentBytes: 0, Faults: 0, MetadataBytes: < MiB }, read.ToString());

        long[] touched = [0, 1L << 30, (1L << 40) - 1];
        foreach (long index in touched)
            array[index] = 7;
        Assert.All(touched, index => Assert.Equal(7, array[index]));
        Assert.True(pager.GetStatistics().MetadataBytes < TableSlack, pager.GetStatistics().ToString());
        Assert.InRange(pager.GetStatistics().ResidentBytes, 1, 3 * PageBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Disposing_arrays_gives_everything_back(int backgroundThreads)
    {
        using Pager pager = Make(backgroundThreads);
        long before = pager.GetStatistics().MetadataBytes;
        for (int round = 0; round < 3; round++)
        {
            using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(1000, 700);
            using (PagedArray<decimal> array = pager.Allocate<decimal>(100_000))
            {
                FillWithEverything(array, round);
                for (long row = 0; row < matrix.Rows; row++)
                    matrix[row, 5] = row;
                PagerStatistics held = pager.GetStatistics();
                Assert.True(held is { ResidentBytes: > 0, PoolStoredBytes: > 0, SameFilledPages: > 0 }, held.ToString());
            }

            matrix.Dispose();
            Settled.Empty(pager);
        }

        long after = pager.GetStatistics().MetadataBytes;
        Assert.True(after <= before + TableSlack, $"{before} bytes of metadata before, {after} after");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void An_array_that_is_dropped_and_collected_gives_everything_back(int backgroundThreads)
    {
        using Pager pager = Make(backgroundThreads);
        for (int round = 0; round < 3; round++)
            UseAndDrop(pager, round);
        PagerStatistics now = default;
        for (int i = 0; i < 10; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            now = pager.GetStatistics();
            if (now is { ResidentBytes: 0, PoolStoredBytes: 0 })
                break;
        }

        Settled.Empty(pager);
        using PagedArray<long> array = pager.Allocate<long>(100_000);
        array[99_999] = 1;
        Assert.Equal(1, array[99_999]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_gauges_never_exceed_the_budgets(int backgroundThreads) => Seeded.Run(seed =>
    {
        using Pager pager = Make(backgroundThreads);
        bool ended = false;
        string? exceeded = null;
        var watcher = new Thread(() =>
        {
            while (!Volatile.Read(ref ended) && exceeded is null)
            {
                PagerStatistics now = pager.GetStatistics();
                if (now.ResidentBytes > pager.Options.ResidentBytes || now.PoolBytes > pager.Options.PoolBytes)
                    exceeded = now.ToString();
            }
        });
        watcher.Start();
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(i => new Thread(() => Overwrite(pager, seed + (ulong)i, 6000)))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Volatile.Write(ref ended, true);
        watcher.Join();
        Assert.Null(exceeded);
    });

    [Fact]
    public void Metadata_take_8_bytes_a_page_and_at_most_32_a_stored_page_and_a_frame()
    {
        using Pager pager = Make();
        const long Pages = 256 << 10;
        using PagedArray<long> array = pager.Allocate<long>(Pages * PageBytes / sizeof(long));
        array.Fill(0, array.Length, 123_456_789);
        PagerStatistics now = pager.GetStatistics();
        long frames = pager.Options.ResidentBytes / PageBytes;
        Assert.True(now.SameFilledPages >= Pages - frames, now.ToString());
        Assert.True(now.MetadataBytes <= Pages * (8 + 32) + frames * 32 + TableSlack, now.ToString());
        Assert.True(now.MetadataBytes >= (Pages - frames) * 8, $"The tables of {Pages} pages are not counted: {now}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_process_grows_by_the_budgets_and_the_metadata_and_no_more(int backgroundThreads)
    {
        const long Slack = 32 * MiB;    // the runtime's own: jitted code, buffers of this test, what the collector keeps
        Page(new PagerOptions { ResidentBytes = 2 * MiB, PoolBytes = 8 * MiB, PageBytes = PageBytes, BackgroundThreads = backgroundThreads }, out _);
        GC.Collect();
        long before = Figures.ResidentSet();
        long most = Page(
            new PagerOptions { ResidentBytes = 16 * MiB, PoolBytes = 64 * MiB, PageBytes = PageBytes, BackgroundThreads = backgroundThreads },
            out long metadata);
        long allowed = 80 * MiB + metadata + Slack;
        Assert.True(most - before <= allowed, $"The process grew by {most - before} bytes, {allowed} are allowed.");

        GC.Collect();
        long after = Figures.ResidentSet();
        Assert.True(after - before <= Slack, $"{after - before} bytes are held after the pager was disposed.");

        // Data of four times the resident set, overwritten until all that passed through would not fit by far.
        static long Page(PagerOptions options, out long metadata)
        {
            using var pager = new Pager(options);
            long most = 0;
            metadata = 0;
            for (int round = 0; round < 4; round++)
            {
                using PagedArray<long> array = pager.Allocate<long>(4 * options.ResidentBytes / sizeof(long));
                var page = new long[array.PageLength];
                for (int pass = 0; pass < 2; pass++)
                {
                    for (long start = 0; start < array.Length; start += page.Length)
                    {
                        Content.Write<long>(ContentKind.Text, (ulong)(start + pass), page);
                        array.CopyFrom(start, page);
                        if (start % (256 * page.Length) == 0)
                            most = Math.Max(most, Figures.ResidentSet());
                    }
                }

                metadata = Math.Max(metadata, pager.GetStatistics().MetadataBytes);
            }

            return most;
        }
    }

    private static Pager Make(int backgroundThreads = 0) => new(new PagerOptions
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 4 * MiB,
        PageBytes = PageBytes,
        BackgroundThreads = backgroundThreads,
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseAndDrop(Pager pager, int round)
    {
        PagedArray<decimal> array = pager.Allocate<decimal>(60_000);
        FillWithEverything(array, round);
        PagedMatrix<float> matrix = pager.AllocateMatrix<float>(300, 700);
        for (long row = 0; row < matrix.Rows; row++)
            matrix[row, 3] = row;
        Assert.True(pager.GetStatistics().PoolStoredBytes > 0);
    }

    /// <summary>Text, patterns and zeroes, by pages.</summary>
    private static void FillWithEverything(PagedArray<decimal> array, int salt)
    {
        var page = new decimal[array.PageLength];
        for (long start = 0; start + page.Length <= array.Length; start += page.Length)
        {
            var kind = (ContentKind)(start / page.Length % 3);
            Content.Write(kind, (ulong)(start + salt), page.AsSpan());
            array.CopyFrom(start, page);
        }
    }

    private static void Overwrite(Pager pager, ulong seed, int writes)
    {
        var rng = new Rng(seed);
        using PagedArray<long> array = pager.Allocate<long>(3 * MiB / sizeof(long));
        var page = new long[array.PageLength];
        for (int i = 0; i < writes; i++)
        {
            long start = rng.Next(array.PageCount) * page.Length;
            Content.Write<long>(Content.Pick(ref rng), rng.Next(), page);
            try
            {
                array.CopyFrom(start, page);
            }
            catch (OutOfPagingSpaceException)
            {
                array.Discard(0, array.Length / 2);
            }
        }
    }

    /// <summary>Bytes of memory that the process has, as the kernel counts them.</summary>
}
