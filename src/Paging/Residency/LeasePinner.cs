using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pins pages for leases whose pages are not watched: those are counted one by one.</summary>
internal sealed unsafe class LeasePinner(PagingDomain domain)
{
    /// <summary>How often a word is looked at that others keep changing, by a thread that must not wait.</summary>
    private const int MaxLooks = 16;

    private readonly LeaseWatch _watch = domain.Watch;
    private readonly LeaseTracker? _tracker = domain.Tracker;

    /// <summary>Pins that belong to objects, on pages that are not watched. Whichever thread takes one, another may give it back, so it is
    /// no thread's lease.</summary>
    private long _owned;

    /// <summary>Pins that belong to objects, but for those on watched pages.</summary>
    internal long Owned => Volatile.Read(ref _owned);

    /// <summary>As <see cref="FaultHandler.Pin(PagedRegion, long, bool, out ulong*)"/>, for a lease, which is counted unless the page is
    /// watched.</summary>
    internal byte* Pin(PagedRegion region, long index, bool write, out ulong* word)
    {
        _watch.Settle();
        byte* address = TryPinUnwatched(region, index, write, out word);
        if (address == null)
        {
            address = domain.Faults.Pin(region, index, write, out word);

            // The bit does not change while our pin is held, and the lease looks at it again before it gives the pin back.
            if (PageWord.IsWatched(PageWord.Load(word)))
            {
                return address;
            }
        }

        CountLease(region, index, write, word);
        return address;
    }

    /// <summary>As the other one, for an access that has this page pinned first, to read it, and another one then.</summary>
    internal byte* Pin(PagedRegion region, long index, ref JointAccess access, out ulong* word)
    {
        byte* address = domain.Faults.Pin(region, index, isFirst: true, ref access, out word);
        if (!PageWord.IsWatched(PageWord.Load(word)))
        {
            CountLease(region, index, write: false, word);
        }

        return address;
    }

    /// <summary>Pins a page for a lease if it is in a frame, and otherwise does nothing. Takes no lock, waits for nothing and allocates
    /// nothing, once the calling thread has had a lease.</summary>
    /// <returns>Null when it is not in a frame; or others were changing its word all the time.</returns>
    internal byte* TryPin(PagedRegion region, long index, out ulong* page)
    {
        page = null;
        for (int look = 0; look < MaxLooks; look++)
        {
            page = region.Pages.TryFind(index);
            if (page == null)
            {
                return null;
            }

            ulong word = PageWord.Load(page);
            if (!PageWord.IsResident(word) || PageWord.Pins(word) >= PageWord.MaxPins - 1)
            {
                return null;
            }

            // Asked between the load and the CAS, as in FaultHandler.Pin.
            if (!region.IsOf(index, page) || !PageWord.TryPin(page, word, PageWord.Referenced))
            {
                continue;
            }

            if (region.SeesClosing)
            {
                PageWord.Unpin(page);
                return null;
            }

            // The bit does not change while our pin is held. Whether another part of the table should be watched is left to accesses that
            // may wait.
            if (!PageWord.IsWatched(word))
            {
                LeaseCounts.Add(region.LeaseSlot, page);
                if (_tracker is not null)
                {
                    Track(region, index, write: false, page);
                }
            }

            return region.Frames.Base + PageWord.Offset(word);
        }

        return null;
    }

    /// <summary>Pins a page for an object: a lease that no thread has.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="write">Whether the page will be dirty.</param>
    /// <param name="manner">What may be waited for.</param>
    /// <param name="word">The page's word; the caller owes an <see cref="UnpinForOwner"/> of it.</param>
    /// <param name="isCounted">Whether the pin is counted here, and not by a look at the page.</param>
    /// <returns>The page's address; null when there would be a device to wait for, and the manner says not to.</returns>
    internal byte* PinForOwner(
        PagedRegion region, long index, bool write, FaultManner manner, out ulong* word, out bool isCounted)
    {
        byte* address = domain.Faults.Pin(region, index, write, manner, out word);
        isCounted = address != null && CountForOwner(region, index, write, word);
        return address;
    }

    /// <summary>As the other one, for one of several pages that are read.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="isFirst">Whether the access has no page pinned yet.</param>
    /// <param name="access">The access.</param>
    /// <param name="word">The page's word; the caller owes an <see cref="UnpinForOwner"/> of it.</param>
    /// <param name="isCounted">Whether the pin is counted here, and not by a look at the page.</param>
    /// <returns>The page's address; null when no frame is to be had without waiting.</returns>
    internal byte* PinForOwner(
        PagedRegion region, long index, bool isFirst, ref JointAccess access, out ulong* word, out bool isCounted)
    {
        byte* address = domain.Faults.Pin(region, index, isFirst, ref access, out word);
        isCounted = address != null && CountForOwner(region, index, write: false, word);
        return address;
    }

    /// <summary>Gives the pin of an object back, on any thread.</summary>
    internal void UnpinForOwner(ulong* word, bool isCounted)
    {
        PageWord.Unpin(word);
        if (isCounted)
        {
            Shared.Decrement(SharedWord.Counter, ref _owned);
            _tracker?.EndOwned(word);
        }
    }

    private void CountLease(PagedRegion region, long index, bool write, ulong* word)
    {
        if (LeaseCounts.Add(region.LeaseSlot, word) && region.CanBeWatched)
        {
            _watch.Rotate();
        }

        if (_tracker is not null)
        {
            Track(region, index, write, word);
        }
    }

    /// <returns>False when the page is watched.</returns>
    private bool CountForOwner(PagedRegion region, long index, bool write, ulong* word)
    {
        // The bit does not change while our pin is held.
        if (PageWord.IsWatched(PageWord.Load(word)))
        {
            return false;
        }

        Shared.Increment(SharedWord.Counter, ref _owned);
        if (_tracker is not null)
        {
            TrackOwned(region, index, write, word);
        }

        return true;
    }

    /// <summary>Counts the leases of all pages by looking at every frame.</summary>
    internal long CountPins()
    {
        long pins = 0;
        foreach (FrameClass? size in domain.Frames.Classes)
        {
            for (long frame = size?.FirstFrame ?? 0; frame < (size?.End ?? 0); frame++)
            {
                ulong* page = FrameRecord.LoadPage(size!.Records + frame);
                if (page != null)
                {
                    ulong word = Volatile.Read(ref *page);
                    if (PageWord.IsResident(word) && PageWord.Offset(word) == size.OffsetOf(frame))
                    {
                        pins += PageWord.Pins(word);
                    }
                }
            }
        }

        return pins;
    }

    /// <summary>Records a lease that has just been counted, or gives it back.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Track(PagedRegion region, long index, bool write, ulong* word)
    {
        bool isTracked = false;
        try
        {
            _tracker!.Begin(region, index, write, word, isOwned: false);
            isTracked = true;
        }
        finally
        {
            if (!isTracked)
            {
                PageWord.UnpinLease(word, region.LeaseSlot);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TrackOwned(PagedRegion region, long index, bool write, ulong* word)
    {
        bool isTracked = false;
        try
        {
            _tracker!.Begin(region, index, write, word, isOwned: true);
            isTracked = true;
        }
        finally
        {
            if (!isTracked)
            {
                UnpinForOwner(word, isCounted: true);
            }
        }
    }

    /// <summary>The fast path of <see cref="PageAccessor"/> for a page that is watched, tried here for one that cannot be watched now. Null
    /// when there is more to do.</summary>
    private byte* TryPinUnwatched(PagedRegion region, long index, bool write, out ulong* page)
    {
        page = region.Find(index);
        ulong word = PageWord.Load(page);
        ulong wanted = PageWord.Resident | (write ? PageWord.Dirty : 0);
        if ((word & (wanted | PageWord.Watched)) != wanted
            || PageWord.Pins(word) >= PageWord.MaxPins - 1
            || _watch.Covers(region, page)
            || !region.IsOf(index, page)
            || !PageWord.TryPin(page, word, PageWord.Referenced))
        {
            return null;
        }

        if (!region.SeesClosing)
        {
            return region.Frames.Base + PageWord.Offset(word);
        }

        PageWord.Unpin(page);
        return null;
    }
}
