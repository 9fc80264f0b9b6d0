#if DEBUG
using Paging.TestSeam;

namespace Paging.Tests.Codecs;

/// <summary>A thread for which the system has no memory left for codecs still reads everything, and stores without them.</summary>
public sealed class RefusedMemoryTests
{
    private const int PageBytes = 4096;
    private const int Pages = 64;

    [Theory]
    [InlineData(CompressionGoal.Balanced, PageFilter.BitShuffle)]
    [InlineData(CompressionGoal.Balanced, PageFilter.Delta)]
    [InlineData(CompressionGoal.Balanced, null)]
    [InlineData(CompressionGoal.Ratio, PageFilter.Shuffle)]
    [InlineData(CompressionGoal.Ratio, PageFilter.None)]
    [InlineData(CompressionGoal.Ratio, null)]
    public void Pages_are_read_and_stored_all_the_same(CompressionGoal goal, PageFilter? filter)
    {
        using var pager =
            new Pager(new PagerOptions { PageBytes = PageBytes, ResidentBytes = 8 * PageBytes, PoolBytes = 4 << 20, BackgroundThreads = 0 });
        PagedArray<int> array = pager.Allocate<int>(
            Pages * PageBytes / sizeof(int), new PagedArrayOptions { Compression = goal, Filter = filter });
        Write(array, 1);
        long raw = pager.GetStatistics().IncompressiblePages;
        OnAThreadWithoutMemory(() =>
        {
            Check(array, 1);
            Write(array, 2);
            Check(array, 2);
        });

        Check(array, 2);
        Assert.True(pager.GetStatistics().IncompressiblePages > raw || filter is PageFilter.None or null, "the thread had memory after all");
        Write(array, 3);
        Check(array, 3);
        array.Dispose();
        Assert.Equal((0, 0), (pager.GetStatistics().PoolStoredBytes, pager.GetStatistics().PoolLogicalBytes));
    }

    private static void OnAThreadWithoutMemory(Action work)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            TestHook.RefusesMemory = true;
            try
            {
                work();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private static void Write(PagedArray<int> array, int salt)
    {
        int[] page = new int[array.PageLength];
        for (long start = 0; start < array.Length; start += page.Length)
        {
            for (int i = 0; i < page.Length; i++)
            {
                page[i] = Element(start + i, salt);
            }

            array.CopyFrom(start, page);
        }
    }

    private static void Check(PagedArray<int> array, int salt)
    {
        int[] page = new int[array.PageLength];
        for (long start = 0; start < array.Length; start += page.Length)
        {
            array.CopyTo(start, page);
            for (int i = 0; i < page.Length; i++)
            {
                Assert.Equal(Element(start + i, salt), page[i]);
            }
        }
    }

    // Numbers that only a filter makes shorter.
    private static int Element(long index, int salt) => (int)((index * 97) + ((index * index) % 31) + (salt * 1_000_003));
}
#endif
