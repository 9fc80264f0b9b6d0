using Paging.Stress.Driver;
using Paging.Tests.Protocol;

namespace Paging.Tests.Files;

/// <summary>Once warmed up, faults from swap files and evictions into them allocate nothing on the managed heap.</summary>
[Collection(Alone.Name)]
public sealed class ManagedAllocationTests
{
    private const int Pages = 1_000;
    private const int PageLength = Held.PageBytes / sizeof(long);

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Faults_from_a_file_and_evictions_with_writeback_allocate_nothing(bool encrypt, bool threads)
    {
        AppContext.SetSwitch("Paging.DisableIoUring", threads);
        try
        {
            using var held = new Held(Pages, backgroundThreads: 0, Held.File(encrypt: encrypt));
            AssertAllocatesNothing(held, 2_000);
        }
        finally
        {
            AppContext.SetSwitch("Paging.DisableIoUring", false);
        }
    }

    /// <summary>From the file, from the pool in front of it, ahead, gathered, discarded.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Faults_from_a_mapped_file_allocate_nothing(int backgroundThreads)
    {
        using var directory = new Swap.Devices.TemporaryDirectory();
        var contents = new byte[Pages * Held.PageBytes];
        Content.Write(ContentKind.Noise, 1, contents.AsSpan());
        File.WriteAllBytes(directory.In("mapped"), contents);
        using var pager = new Pager(Held.Options(backgroundThreads));
        using PagedMatrix<long> matrix = pager.MapFileMatrix<long>(directory.In("mapped"), 64, byteOffset: 512, rows: (contents.Length / 512) - 1);
        long[] rows = new long[32];
        long[] seen = new long[32 * 64];
        long sum = 0;
        Run(2_000);
        PagerStatistics before = pager.GetStatistics();
        long least = long.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Run(2_000);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - allocated);
        }

        PagerStatistics after = pager.GetStatistics();
        Assert.Equal(0, least);
        Assert.True(after.FaultsFromFile - before.FaultsFromFile > 2_000, $"Hardly anything came from the file: {after}");
        Assert.True(after.FaultsFromPool - before.FaultsFromPool > 200, $"Hardly anything came from the pool: {after}");

        void Run(int count)
        {
            var rng = new Rng(7);
            for (int i = 0; i < count; i++)
            {
                long row = rng.Next(matrix.Rows);
                sum += matrix[row, i % 64];
                if (i % 64 == 0)
                {
                    for (int j = 0; j < rows.Length; j++)
                        rows[j] = rng.Next(matrix.Rows);
                    matrix.Gather(rows, seen);
                    matrix[row, 3] = sum;
                }

                if (i % 200 == 0)
                    matrix.Discard(row - (row % matrix.RowsPerPage), Math.Min(matrix.RowsPerPage, matrix.Rows - row));
            }
        }
    }

    private static void AssertAllocatesNothing(Held held, int operations)
    {
        PagedArray<long> array = held.Array;
        var page = new long[PageLength];
        held.Fill();
        Run(operations);
        PagerStatistics before = held.Statistics;

        // A lock allocates what it waits on when two threads first meet at it, once: hence the least of three.
        long least = long.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Run(operations);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - allocated);
        }

        PagerStatistics after = held.Statistics;
        Assert.Equal(0, least);
        Assert.True(after.FaultsFromFile - before.FaultsFromFile > operations / 4, $"Hardly anything came from the file: {after}");
        Assert.True(after.Writebacks - before.Writebacks > operations / 20, $"Hardly anything was written: {after}");

        void Run(int count)
        {
            var rng = new Rng(5);
            for (int i = 0; i < count; i++)
            {
                long start = rng.Next((long)Pages) * PageLength;
                if (i % 3 == 0)
                {
                    Content.Write<long>(ContentKind.Noise, rng.Next(), page);
                    array.CopyFrom(start, page);
                }
                else
                {
                    page[i % PageLength] += array[start];
                }
            }
        }
    }
}
