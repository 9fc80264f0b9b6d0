namespace Paging.Tests.Face;

/// <summary>Many more threads than processors, on hardly more frames than threads: each gets its turn.</summary>
public sealed class CrowdTests
{
    [Fact]
    public void Sixty_four_threads_on_eighty_frames_all_finish()
    {
        const int PageBytes = 4 << 10;
        const int Threads = 64;
        const int Operations = 150;
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 80 * PageBytes,
            PoolBytes = 8 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 1,
        });
        using PagedArray<int> array = pager.Allocate<int>(1000 * (PageBytes / sizeof(int)));
        var counts = new int[Threads];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            var random = new Random(number);
            for (int i = 0; i < Operations; i++)
            {
                // An element that is this thread's own, in any of the pages.
                long at = (random.Next(1000) * (long)array.PageLength) + number;
                using (WriteLease<int> lease = array.Write(at, 1))
                    lease.Span[0] = number + 1;
                counts[number] += array[at] == number + 1 ? 1 : 0;
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(counts, count => Assert.Equal(Operations, count));
        Assert.Equal(0, pager.GetStatistics().Pins);
    }
}
