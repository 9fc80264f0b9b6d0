namespace Paging.Swap;

/// <summary>The sizes and counts by which a log divides its memory. Fixed when the log is made.</summary>
/// <param name="MaxPage">The longest page that fits a segment, in bytes.</param>
/// <param name="SegmentBytes">Bytes of a segment: whole system pages, with room for a number of raw pages and their headers.</param>
/// <param name="SegmentCount">The number of segments that the whole budget would buy when the log was made.</param>
/// <param name="LastResortSegments">Segments held back for evictions that a fault depends on.</param>
internal readonly record struct LogGeometry(int MaxPage, int SegmentBytes, int SegmentCount, int LastResortSegments)
{
    /// <summary>A pool of fewer segments has no room for its reserves and its open segments (rule 12).</summary>
    internal const int MinSegments = 16;

    /// <summary>A pool may shrink until it has so few segments of a log.</summary>
    internal const int MinSegmentsLeft = 8;

    /// <summary>The most segments of a log.</summary>
    internal const int MaxSegments = Location.MaxSegments / 4;

    private const int DefaultSegments = 256;

    /// <summary>Segments that there should be, unless they would be of one page.</summary>
    private const int GoodSegments = 4 * MinSegments;
    private const int MinSegmentsOfTwo = MinSegments + (MinSegments / 2);
    private const int MaxDefaultBytes = 1 << 20;
    private const int Unit = 4 << 10;

    /// <summary>Bytes that an entry takes beside the encoded page, at most: its header, and rounding to units.</summary>
    private const long EntryOverhead = EntryHeader.Size + 15;

    /// <summary>The most raw pages that the frames kept clean can ask the log to take at once (rule 8): four of the largest size, and pages
    /// of the smaller sizes with as many bytes again in all.</summary>
    private const int MaxKeptClean = 2 * Memory.FrameClass.MaxKeptClean;

    /// <summary>Bytes of the smallest pool that pages of this length, in bytes, can use.</summary>
    internal static long MinPoolBytes(int maxPage) => MinSegments * (SegmentFor(1, maxPage) + Segment.Size);

    /// <summary>Divides a pool into segments for pages up to <paramref name="maxPage"/> bytes: hundreds of segments where the budget
    /// allows, of 1 MiB at most, except for pages that need more, and always of whole raw pages with their headers, so that little is
    /// wasted at the end.</summary>
    /// <remarks>The caller has checked <see cref="MinPoolBytes"/>.</remarks>
    internal static LogGeometry For(long poolBytes, int maxPage)
    {
        long wanted = Math.Min(poolBytes / DefaultSegments, MaxDefaultBytes);
        long pages = Math.Max(8, wanted / maxPage);

        // A location holds offsets up to MaxSegmentBytes, and no larger ones.
        pages = Math.Min(pages, (Location.MaxSegmentBytes / (maxPage + EntryOverhead)) - 1);

        // In a small pool, enough segments matter more than long ones. But a segment of one page has room for one only, too, where that
        // shrinks to little more than half: pool and file would be half empty when they are full.
        while (pages > 1 && poolBytes / (SegmentFor(pages, maxPage) + Segment.Size) < (pages == 2 ? MinSegmentsOfTwo : GoodSegments))
        {
            pages /= 2;
        }

        long bytes = SegmentFor(pages, maxPage);

        // Pages of twice the size, and twice that, may share the log as long as eight of them fit.
        while (maxPage < SwapStore.MaxPageBytes && SegmentFor(8, 2 * maxPage) <= bytes)
        {
            maxPage *= 2;
        }

        long count = Math.Min(poolBytes / (bytes + Segment.Size), MaxSegments);
        long lastResort = ((MaxKeptClean * (maxPage + 32L)) + bytes - 1) / bytes;
        if (count < 2 * MinSegments)
        {
            // Segments of one page or two: a pool this small can promise enough of them only for one page size.
            lastResort = Math.Min(lastResort, Memory.FrameClass.MaxKeptClean);
        }

        return new LogGeometry(maxPage, (int)bytes, (int)count, (int)lastResort);
    }

    private static long SegmentFor(long pages, int maxPage)
    {
        long unit = Math.Max(Unit, Interop.VirtualMemory.SystemPageBytes);
        long bytes = pages * (maxPage + EntryOverhead);
        return (bytes + unit - 1) / unit * unit;
    }
}
