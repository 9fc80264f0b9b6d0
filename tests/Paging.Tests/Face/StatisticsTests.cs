using Paging.Stress.Driver;

namespace Paging.Tests.Face;

public class StatisticsTests
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);
    private const int Frames = 32;
    private const int Pages = 8 * Frames;

    [Fact]
    public void A_new_pager_has_counted_nothing()
    {
        using Pager pager = Make();
        PagerStatistics now = pager.GetStatistics();
        // Scratch is that of the whole process.
        var nothing = new PagerStatistics { FaultsSaved = (double.NaN, double.NaN, double.NaN) };
        Assert.Equal(nothing, now with { MetadataBytes = 0, PoolBytes = 0, ScratchBytes = 0, ResidentBudgetBytes = 0, PoolBudgetBytes = 0 });
        Assert.Equal((pager.Options.ResidentBytes, pager.Options.PoolBytes), (now.ResidentBudgetBytes, now.PoolBudgetBytes));
        Assert.InRange(now.PoolBytes, 0, pager.Options.PoolBytes);
    }

    [Fact]
    public void Untouched_pages_are_read_by_value_and_by_copy_without_a_frame()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(Pages * PageLength);
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(1000, 100);
        var copy = new long[3 * PageLength];
        for (long i = 0; i < array.Length; i += 100)
            Assert.Equal(0, array[i]);
        for (long row = 0; row < matrix.Rows; row++)
            Assert.Equal(0, matrix[row, 99]);
        for (long start = 0; start + copy.Length <= array.Length; start += copy.Length / 2)
        {
            array.CopyTo(start, copy);
            Assert.Equal(-1, copy.AsSpan().IndexOfAnyExcept(0));
        }

        array.Discard(10, array.Length - 20);
        PagerStatistics now = pager.GetStatistics();
        Assert.True(now is { Faults: 0, ResidentBytes: 0, Evictions: 0, PoolStoredBytes: 0, SameFilledPages: 0 }, now.ToString());
    }

    [Fact]
    public void A_lease_gives_an_untouched_page_a_frame()
    {
        using Pager pager = Make();
        using PagedArray<long> array = pager.Allocate<long>(Pages * PageLength);
        array.Read(0).Dispose();
        Assert.Equal(PageBytes, pager.GetStatistics().ResidentBytes);
        array.Write(PageLength * 2).Dispose();
        Assert.Equal(2 * PageBytes, pager.GetStatistics().ResidentBytes);
        array.Discard(0, array.Length);
        Assert.Equal(0, pager.GetStatistics().ResidentBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(16)]
    public void Pages_of_one_repeated_value_of_up_to_16_bytes_are_kept_as_a_pattern(int elementBytes)
    {
        using Pager pager = Make();
        switch (elementBytes)
        {
            case 1:
                Check<byte>(0x5A);
                break;
            case 8:
                Check(0x0102030405060708);
                break;
            default:
                Check(123_456_789.123_456_789m);
                break;
        }

        void Check<T>(T value) where T : unmanaged
        {
            using PagedArray<T> array = pager.Allocate<T>((long)Pages * PageBytes / elementBytes);
            array.Fill(0, array.Length, value);
            PagerStatistics now = pager.GetStatistics();
            Assert.InRange(now.SameFilledPages, Pages - Frames, Pages);
            Assert.Equal(0, now.PoolStoredBytes);
            for (long i = 0; i < array.Length; i += 50)
                Assert.Equal(value, array[i]);
            array.Discard(0, array.Length);
            Assert.Equal(0, pager.GetStatistics().SameFilledPages);
        }
    }

    [Fact]
    public void Pages_of_noise_are_counted_as_incompressible_and_stored_raw()
    {
        using Pager pager = Make();
        using PagedArray<long> array = Filled(pager, ContentKind.Noise);
        PagerStatistics now = pager.GetStatistics();
        Assert.InRange(now.IncompressiblePages, Pages - Frames, Pages);
        Assert.InRange(now.PoolStoredBytes, (Pages - Frames) * PageBytes, Pages * PageBytes);
        Assert.InRange(now.PoolLogicalBytes, (Pages - Frames) * PageBytes, Pages * PageBytes);
        Assert.Equal(0, now.SameFilledPages);
        array.Discard(0, array.Length);
        Assert.Equal(0, pager.GetStatistics().IncompressiblePages);
    }

    [Fact]
    public void Pages_of_text_are_stored_smaller_than_they_are()
    {
        using Pager pager = Make();
        using PagedArray<long> array = Filled(pager, ContentKind.Text);
        PagerStatistics now = pager.GetStatistics();
        Assert.InRange(now.PoolLogicalBytes, (Pages - Frames) * PageBytes, Pages * PageBytes);
        Assert.InRange(now.PoolStoredBytes, 1, now.PoolLogicalBytes * 3 / 4);
        Assert.True(now.PoolBytes >= now.PoolStoredBytes, now.ToString());
        Assert.Equal(0, now.IncompressiblePages);
    }

    [Fact]
    public void Pages_that_are_only_read_are_not_stored_again()
    {
        using Pager pager = Make();
        using PagedArray<long> array = Filled(pager, ContentKind.Text);
        PagerStatistics before = pager.GetStatistics();
        for (int round = 0; round < 5; round++)
        {
            for (long start = 0; start < array.Length; start += PageLength)
            {
                using ReadLease<long> lease = array.Read(start);
                Assert.NotEqual(0, lease.Span[5]);
            }
        }

        PagerStatistics now = pager.GetStatistics();
        long evictions = now.Evictions - before.Evictions, clean = now.CleanEvictions - before.CleanEvictions;
        Assert.True(evictions >= 5 * (Pages - Frames) - Frames, now.ToString());
        Assert.InRange(clean, evictions - Frames, evictions);
        Assert.True(now.FaultsFromPool - before.FaultsFromPool >= 5 * (Pages - Frames), now.ToString());
        Assert.InRange(now.Faults - before.Faults, now.FaultsFromPool - before.FaultsFromPool, 5 * Pages);
        Assert.Equal(0, now.CorruptedPages);
    }

    [Fact]
    public void Pages_that_are_overwritten_whole_are_not_loaded_first()
    {
        using Pager pager = Make();
        using PagedArray<long> array = Filled(pager, ContentKind.Text);
        long before = pager.GetStatistics().FaultsFromPool;
        var page = new long[PageLength];
        page.AsSpan().Fill(9);
        for (int round = 0; round < 3; round++)
        {
            for (long start = 0; start < array.Length; start += PageLength)
                array.CopyFrom(start, page);
            array.Fill(0, array.Length, 5 + round);
            array.Discard(0, array.Length);
        }

        Assert.Equal(before, pager.GetStatistics().FaultsFromPool);
    }

    [Fact]
    public void Stored_pages_are_counted_until_they_are_freed()
    {
        using Pager pager = Make();
        var noise = new byte[5000];
        Content.Write<byte>(ContentKind.Noise, 1, noise);
        SwapId first = pager.Swap.Store(noise);
        SwapId second = pager.Swap.Store(new byte[5000]);
        PagerStatistics now = pager.GetStatistics();
        Assert.True(
            now is { PoolStoredBytes: 5000, PoolLogicalBytes: 5000, IncompressiblePages: 1, SameFilledPages: 1, ResidentBytes: 0, Faults: 0 },
            now.ToString());
        pager.Swap.Free(first);
        pager.Swap.Free(second);
        now = pager.GetStatistics();
        Assert.True(now is { PoolStoredBytes: 0, PoolLogicalBytes: 0, IncompressiblePages: 0, SameFilledPages: 0 }, now.ToString());
    }

    private static Pager Make() => new(new PagerOptions
    {
        ResidentBytes = Frames * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    });

    private static PagedArray<long> Filled(Pager pager, ContentKind kind)
    {
        PagedArray<long> array = pager.Allocate<long>(Pages * PageLength);
        var page = new long[PageLength];
        for (long start = 0; start < array.Length; start += PageLength)
        {
            Content.Write<long>(kind, (ulong)start, page);
            array.CopyFrom(start, page);
        }

        return array;
    }
}
