using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Advice about pages that will not be used soon: they go next, or at once. What cannot be done to a page is not done, and nobody
/// waits.</summary>
/// <param name="region">The array.</param>
/// <param name="domain">Its pager's.</param>
internal readonly unsafe ref struct PageAdvisor(PagedRegion region, PagingDomain domain)
{
    /// <summary>Makes the pages of a range that are in frames the next to be evicted.</summary>
    internal void Cool(long first, long end)
    {
        FrameClass size = region.Frames;
        for (long page = Next(first, end); page < end; page = Next(page + 1, end))
        {
            if (TryFindFrame(page, out long frame))
            {
                FrameClock.Cool(size, frame);
            }
        }
    }

    /// <summary>Evicts the pages of a range that are in frames and not pinned, as far as they can be stored.</summary>
    internal void Evict(long first, long end)
    {
        FrameClass size = region.Frames;
        StoreLevel level = StoreLevel.Normal;
        for (long page = Next(first, end); page < end; page = Next(page + 1, end))
        {
            if (!TryFindFrame(page, out long frame))
            {
                continue;
            }

            switch (TryEvict(size, frame, level))
            {
                case EvictOutcome.Freed:
                    size.GiveBack(frame);
                    break;
                case EvictOutcome.Unstorable:
                    // Clean pages can still go, and pages that repeat a pattern. The full pool is not asked again for each of the others.
                    level = StoreLevel.NoRoom;
                    break;
            }
        }
    }

    private EvictOutcome TryEvict(FrameClass size, long frame, StoreLevel level)
    {
        try
        {
            return domain.Evictor.Evict(size, frame, level, spare: false);
        }
        catch (OutOfMemoryException)
        {
            // The codec has none. The page is as it was.
            return EvictOutcome.Unstorable;
        }
    }

    private long Next(long page, long end)
    {
        region.AwaitOpen();
        return page < end ? region.NextTouched(page) : end;
    }

    /// <summary>The frame that the page is in, as far as is known without a pin. Who acts on it costs another page its place, at
    /// worst.</summary>
    private bool TryFindFrame(long index, out long frame)
    {
        ulong* page = region.Find(index);
        ulong word = PageWord.Load(page);
        bool isThere = PageWord.IsResident(word) && region.IsOf(index, page);
        frame = isThere ? region.Frames.FrameAt(PageWord.Offset(word)) : -1;
        return isThere;
    }
}
