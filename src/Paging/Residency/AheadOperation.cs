using Paging.Swap;

namespace Paging.Residency;

/// <summary>Brings pages of an array in ahead of demand that the program has asked for, or whose rows it will have in batches.</summary>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="first">The first item.</param>
/// <param name="end">One past the last item.</param>
/// <param name="most">How many pages may be in frames for it.</param>
internal abstract class AheadOperation(OperationQueue queue, PagedRegion region, long first, long end, long most)
    : PageOperation(queue, region, first, end, most)
{
    /// <summary>Pages that a thread takes at a time where they may be in files, at most: neighbours there are read at once.</summary>
    private const int MaxPagesInFiles = 64;

    /// <summary>Bytes of pages that it takes there at a time: so many at most, and towards the end so many at least. What is in the pool
    /// after all takes processors as long as a file takes a disk, and whoever waits for a window is to have a share in it.</summary>
    private const int MaxBytesInFiles = 2 << 20;
    private const int MinBytesInFiles = 256 << 10;

    internal sealed override long LimitPart(long pages)
    {
        if (!Region.MayBeInFiles)
        {
            return pages;
        }

        int shift = Region.Frames.PageShift;
        long most = Math.Min(MaxPagesInFiles, MaxBytesInFiles >> shift);
        return Math.Max(pages, PartOfRest(Math.Min(MinBytesInFiles >> shift, most), most));
    }

    /// <summary>The device has as many at once as it may.</summary>
    internal sealed override void BeginReads(PageLoader loader, in OperationPart part)
    {
        long end = Math.Min(part.End, part.First + ReadPlan.MaxPages);
        for (long item = part.First; item < end && Region.MayBeInFiles; item++)
        {
            Region.NoteRead(loader, PageAt(item));
        }

        ReadPlan.Begin(loader);
    }

    internal sealed override BroughtIn Work(PageFetcher fetcher, long item) => fetcher.BringInAsked(Region, PageAt(item));

    /// <summary>The page that an item stands for: as a rule the items are the pages.</summary>
    protected virtual long PageAt(long item) => item;
}
