using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Discard: pages become untouched again, and what is kept for them goes back.</summary>
/// <param name="region">The array.</param>
/// <param name="domain">Its pager's.</param>
internal readonly unsafe ref struct Discarder(PagedRegion region, PagingDomain domain)
{
    private ref PageDirectory Pages => ref region.Pages;

    /// <summary>Zeroes whole pages by dropping them. That takes time for what is there: granules in which nothing is are passed over, and
    /// of granules with few pages only those pages are looked at, which have nodes.</summary>
    /// <returns>The first page that is pinned, with which nothing has happened; <paramref name="end"/> when all have been
    /// dropped.</returns>
    internal long Discard(long page, long end)
    {
        const int Shift = PageTable.GranuleShift;
        long endGranule = ((end - 1) >> Shift) + 1;
        long released = page >> Shift;
        while (page < end)
        {
            region.AwaitOpen();
            long granule = Pages.Table.NextTouched(page >> Shift, endGranule);
            if (granule < 0)
            {
                // A thread that disposes the array at this moment may have taken the marks.
                region.AwaitOpen();
                break;
            }

            // A few at once, as long as there are neighbours.
            if (granule - released >= PageDirectory.MaxReleased)
            {
                Release(released, Math.Min(granule, released + PageDirectory.MaxReleased));
                released = granule;
            }

            page = Math.Max(page, granule << Shift);
            long stop = Math.Min(end, (granule + 1) << Shift);
            while (page < stop)
            {
                // Where few pages are there only those; stored ones in a row are counted out together.
                page = Pages.NextInChain(granule, page, stop) is >= 0 and long next ? next : DiscardStored(page, stop);
                if (page == stop)
                {
                    break;
                }

                if (!TryDiscard(page))
                {
                    Release(released, granule + 1);
                    return page;
                }

                page++;
            }
        }

        Release(released, Math.Min(released + PageDirectory.MaxReleased, endGranule));
        return end;
    }

    /// <summary>Zeroes a page by dropping it, without loading it. False when it is pinned: then nothing happened.</summary>
    private bool TryDiscard(long index)
    {
        while (true)
        {
            region.AwaitOpen();
            ulong* page = Pages.Find(index);
            switch (Pages.IsHome(index, page) ? DiscardHome(index, page) : DiscardNode(index))
            {
                case Discarded.Done:
                    return true;
                case Discarded.Pinned:
                    return false;
                case Discarded.Busy:
                    domain.Parking.Wait(page);
                    break;
            }
        }
    }

    /// <summary>Zeroes a page whose word is in the table.</summary>
    private Discarded DiscardHome(long index, ulong* page)
    {
        ulong word = PageWord.Load(page);
        switch (PageWord.State(word))
        {
            case PageState.Untouched:
            case PageState.Swapped when TryDiscardSwapped(index, page, word):
                return Discarded.Done;

            case PageState.Resident when PageWord.Pins(word) != 0:
                return Discarded.Pinned;

            case PageState.Resident when PageWord.TryBeginEvict(page, word):
                FreeCopy(word);
                Pages.Wake(page, PageWord.CompleteDiscard(page, word));
                PageFreer.GiveFrameBack(word, region.Frames);
                Pages.CountOut(index);
                return Discarded.Done;

            case PageState.Filling or PageState.Evicting:
                return Discarded.Busy;

            // Changed since; or dead, or in a node now.
            default:
                return Discarded.Elsewhere;
        }
    }

    private bool TryDiscardSwapped(long index, ulong* page, ulong word)
    {
        // Dispose waits for a thread that is about to free what was stored. Once it does not, the array is closed.
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        if (!held.IsInside || !PageWord.TryDiscardSwapped(page, word))
        {
            return false;
        }

        FreeStored(word);
        Pages.CountOut(index);
        return true;
    }

    /// <summary>Zeroes a page whose word is in a node, and gives the node back.</summary>
    private Discarded DiscardNode(long index)
    {
        // Dispose waits for a thread that is about to give back what the page had: once the page is out of its chain no other thread finds
        // it.
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        if (!held.IsInside)
        {
            return Discarded.Elsewhere;
        }

        Discarded result = TakeOut(index, out uint node, out ulong word);
        if (result != Discarded.Done)
        {
            return result;
        }

        if (PageWord.IsResident(word))
        {
            ulong* page = Pages.WordIn(node);
            FreeCopy(word);
            Pages.Wake(page, PageWord.CompleteEnd(page, word, PageState.Gone));
            PageFreer.GiveFrameBack(word, region.Frames);
        }
        else if (PageWord.State(word) == PageState.Swapped)
        {
            FreeStored(word);
        }

        long granule = index >> PageTable.GranuleShift;
        Pages.Nodes.Free(node);
        Pages.Release(granule, granule + 1);
        return Discarded.Done;
    }

    /// <summary>Takes a page's node out of the granule.</summary>
    /// <param name="index">The page.</param>
    /// <param name="node">Its node: the caller's when it is done.</param>
    /// <param name="word">What was in it. When it is done, a resident page is claimed as by an evictor, and the word of any other page is
    /// Gone.</param>
    private Discarded TakeOut(long index, out uint node, out ulong word)
    {
        word = 0;
        using LockedGranule granule = Pages.LockOf(index);
        node = Pages.State.IsClosed ? 0 : granule.NodeOf(index);
        if (node == 0)
        {
            return Discarded.Elsewhere;
        }

        ulong* page = Pages.WordIn(node);
        word = PageWord.Load(page);
        switch (PageWord.State(word))
        {
            case PageState.Resident when PageWord.Pins(word) != 0:
                return Discarded.Pinned;
            case PageState.Untouched or PageState.Swapped when PageWord.TryEnd(page, word, PageState.Gone):
            case PageState.Resident when PageWord.TryBeginEvict(page, word):
                granule.Unlink(index, node);
                return Discarded.Done;
            case PageState.Filling or PageState.Evicting:
                return Discarded.Busy;
            default:
                return Discarded.Elsewhere;
        }
    }

    /// <summary>Zeroes untouched and stored pages in a row, as <see cref="TryDiscard"/> does, and waits for nothing.</summary>
    /// <returns>The first page that is neither, or <paramref name="end"/>. That one is to be discarded by itself.</returns>
    private long DiscardStored(long index, long end)
    {
        if (region.IsClosing)
        {
            return index;
        }

        // Dispose waits for a thread that is about to free what was stored.
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        if (!held.IsInside)
        {
            return index;
        }

        int dropped = 0;
        FreeBatch freed = new(domain.Swap);
        FrameClass frames = region.Frames;
        ulong* page = Pages.HomeOf(index);
        ulong* last = Pages.HomeOf(end - 1);
        ref RegionState state = ref Pages.State;
        try
        {
            for (; page <= last && !state.IsClosing; page++)
            {
                PageFreer.Prefetch(page, last, frames, freed);
                ulong word = PageWord.Load(page);
                if (PageWord.State(word) == PageState.Swapped && PageWord.TryDiscardSwapped(page, word))
                {
                    dropped++;
                    PageFreer.FreeStored(word, ref freed);
                }
                else if (PageWord.State(word) != PageState.Untouched)
                {
                    break;
                }
            }
        }
        finally
        {
            freed.Settle();

            // The thread that discards a range gives back what is empty afterwards.
            Pages.CountOutOnly(index, dropped);
        }

        return page - Pages.Words;
    }

    private void Release(long granule, long end)
    {
        if (!Pages.Table.IsSmall)
        {
            Pages.Release(granule, end);
        }
    }

    private void FreeStored(ulong word)
    {
        FreeBatch freed = new(domain.Swap);
        PageFreer.FreeStored(word, ref freed);
        freed.Settle();
    }

    private void FreeCopy(ulong word)
    {
        FreeBatch freed = new(domain.Swap);
        PageFreer.FreeCopy(word, region.Frames, ref freed);
        freed.Settle();
    }

    /// <summary>What came of one look at a page.</summary>
    private enum Discarded
    {
        Done,

        /// <summary>Leases are out on the page.</summary>
        Pinned,

        /// <summary>Another thread has the page claimed.</summary>
        Busy,

        /// <summary>It is not there any more, or not as it was, or the pager is being disposed: look again.</summary>
        Elsewhere,
    }
}
