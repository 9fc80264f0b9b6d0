using FsCheck.Fluent;
using Paging.Memory;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap;

/// <summary>Whatever the pool and the page, segments fit both (rule 12).</summary>
public sealed class LogGeometryTests
{
    private const long LargestPool = 1L << 40;

    [Fact]
    public void Any_pool_that_is_large_enough_is_cut_well() => Seeded.Check(
        5_000,
        from page in Gen.Choose(1, FramePool.MaxPageBytes)
        from pageShift in Gen.Choose(0, 22)
        from share in Gen.Choose(0, int.MaxValue)
        from poolShift in Gen.Choose(0, 40)
        select Case(Math.Max(1, page >> pageShift), share, poolShift),
        static _ => [],
        static pool => Check(pool.Bytes, pool.Page));

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(16 << 10)]
    [InlineData(64 << 10)]
    [InlineData(1 << 20)]
    [InlineData(4 << 20)]
    public void The_smallest_pool_has_sixteen_segments_and_one_byte_less_has_not(int page)
    {
        long least = LogGeometry.MinPoolBytes(page);
        Check(least, page);
        Assert.Equal(LogGeometry.MinSegments, LogGeometry.For(least, page).SegmentCount);
        Assert.True(LogGeometry.For(least - 1, page).SegmentCount < LogGeometry.MinSegments);
    }

    [Theory]
    [InlineData(4096, 8L << 20)]
    [InlineData(4096, 64L << 20)]
    [InlineData(16 << 10, 64L << 20)]
    [InlineData(64 << 10, 256L << 20)]
    [InlineData(4096, LargestPool)]
    public void A_roomy_pool_has_hundreds_of_segments_of_a_mebibyte_at_most(int page, long pool)
    {
        LogGeometry geometry = LogGeometry.For(pool, page);
        Assert.True(geometry.SegmentCount >= 200, $"{geometry}");
        Assert.True(geometry.SegmentBytes <= (1 << 20) + (16 << 10), $"{geometry}");
    }

    [Theory]
    [InlineData(4096, 512L << 10)]
    [InlineData(16 << 10, 1L << 20)]
    [InlineData(64 << 10, 4L << 20)]
    public void A_pool_of_sixty_pages_has_no_segments_of_one(int page, long pool)
    {
        LogGeometry geometry = LogGeometry.For(pool, page);
        int half = EntryHeader.UnitsFor(page * 5 / 8) << Location.UnitShift;
        Assert.True(geometry.SegmentBytes / half * half > geometry.SegmentBytes * 3 / 4, $"pages of five eighths fill it: {geometry}");
    }

    private static void Check(long pool, int page)
    {
        LogGeometry geometry = LogGeometry.For(pool, page);
        string what = $"a pool of {pool:N0} for pages of {page:N0}: {geometry}";
        Assert.True(geometry.SegmentCount >= LogGeometry.MinSegments, what);
        Assert.True(geometry.SegmentCount <= Location.MaxSegments, what);
        Assert.True(geometry.SegmentCount * ((long)geometry.SegmentBytes + Segment.Size) <= pool, what);
        Assert.True(geometry.SegmentBytes % 4096 == 0, what);
        Assert.True(geometry.SegmentBytes <= Location.MaxSegmentBytes, what);
        Assert.True(geometry.MaxPage >= page, what);

        // A raw page of the longest sort fits an empty segment, and what is held back leaves more for ordinary use.
        Assert.True(EntryHeader.UnitsFor(geometry.MaxPage) << Location.UnitShift <= geometry.SegmentBytes, what);
        Assert.True(geometry.LastResortSegments >= 1 && 1 + geometry.LastResortSegments <= geometry.SegmentCount / 2, what);

        // Whatever the frames kept clean may ask for at once is held back (rule 8).
        long pagesInReserve =
            (long)geometry.LastResortSegments * (geometry.SegmentBytes / (EntryHeader.UnitsFor(geometry.MaxPage) << Location.UnitShift));
        Assert.True(pagesInReserve >= FrameClass.MaxKeptClean, what);
    }

    private static (long Bytes, int Page) Case(int page, int share, int poolShift)
    {
        long least = LogGeometry.MinPoolBytes(page);
        long bytes = least + (long)((LargestPool - least) * (share / (double)int.MaxValue));
        return (Math.Max(least, bytes >> poolShift), page);
    }
}
