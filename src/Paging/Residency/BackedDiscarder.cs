using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Discard in an array whose untouched pages are not zeroes. A discarded page reads as zeroes all the same: it becomes a stored
/// page of zeroes, which takes a descriptor and no room in the pool. Nothing is read from what backs the array.</summary>
/// <param name="region">The array.</param>
/// <param name="domain">Its pager's.</param>
internal readonly unsafe ref struct BackedDiscarder(PagedRegion region, PagingDomain domain)
{
    private ref PageDirectory Pages => ref region.Pages;

    /// <summary>Zeroes whole pages by dropping them.</summary>
    /// <returns>The first page that is pinned, with which nothing has happened; <paramref name="end"/> when all have been
    /// dropped.</returns>
    /// <exception cref="OutOfPagingSpaceException">There is no descriptor; the pages before have been dropped.</exception>
    internal long Discard(long page, long end)
    {
        while (page < end && TryDiscard(page))
        {
            page++;
        }

        return page;
    }

    private bool TryDiscard(long index)
    {
        while (true)
        {
            region.AwaitOpen();
            ulong* page;
            bool isPinned = false;

            // Dispose waits for a thread that is about to publish or to free what is stored.
            using (Rundown.Scope held = domain.Swap.Rundown.Hold())
            {
                if (!held.IsInside)
                {
                    domain.ThrowIfClosed();
                    continue;
                }

                if (TryDiscardOnce(index, ref isPinned))
                {
                    return true;
                }

                page = Pages.Find(index);
            }

            if (isPinned)
            {
                return false;
            }

            // Nothing is held while others finish with the page. Its word stays readable until the array's memory goes, for which the caller
            // stands.
            if (PageWord.IsClaimed(PageWord.Load(page)))
            {
                domain.Parking.Wait(page);
            }
        }
    }

    private bool TryDiscardOnce(long index, ref bool isPinned)
    {
        // In hand before the page is claimed, as a frame is (rule 7).
        uint zeroes = domain.Swap.StoreZeroes(region.UsedBytes(index));
        if (zeroes == 0)
        {
            ThrowHelper.ThrowPoolFull(domain, region.UsedBytes(index));
        }

        bool isReplaced = false;
        try
        {
            isReplaced = TryReplace(index, zeroes, ref isPinned);
        }
        finally
        {
            if (!isReplaced)
            {
                domain.Swap.Free(zeroes);
            }
        }

        return isReplaced;
    }

    /// <summary>Makes a page a stored one, whatever it is, unless another thread has it claimed or pinned.</summary>
    private bool TryReplace(long index, uint stored, ref bool isPinned)
    {
        ulong* page = Pages.Find(index);
        ulong word = PageWord.Load(page);

        // As in FaultHandler.Pin: a node may have become another page's.
        if (!region.IsOf(index, page))
        {
            return false;
        }

        switch (PageWord.State(word))
        {
            case PageState.Resident when PageWord.Pins(word) != 0:
                isPinned = true;
                return false;

            case PageState.Resident when PageWord.TryBeginEvict(page, word):
                FrameClass frames = region.Frames;
                int history = FrameClock.HistoryOf(frames, frames.FrameAt(PageWord.Offset(word)));
                FreeBatch freed = new(domain.Swap);
                PageFreer.FreeCopy(word, frames, ref freed);
                freed.Settle();
                Pages.Wake(page, PageWord.CompleteEvict(page, word, stored, history));
                PageFreer.GiveFrameBack(word, frames);
                return true;

            case PageState.Untouched or PageState.Swapped when region.TryBeginFill(index, ref page, ref word):
                // As in PageFiller.TryFill: either the sweep of Dispose waits for this claim, or we see the region closed.
                Fences.AfterInterlocked();
                if (region.SeesClosed)
                {
                    region.AbandonFill(index, page, word);
                    return false;
                }

                Pages.Wake(page, PageWord.CompleteFillAway(page, word, stored));
                if (PageWord.State(word) == PageState.Swapped && PageWord.Stored(word) is not 0 and uint old)
                {
                    domain.Swap.Free(old);
                }

                return true;

            default:
                return false;
        }
    }
}
