using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pins pages. The slow path of every access: has pages brought in, waits for those that other threads have claimed, and makes
/// clean ones dirty.</summary>
internal sealed unsafe partial class FaultHandler(PagingDomain domain)
{
    private readonly LeaseQueue _queue = domain.Queue;
    private readonly PageFiller _filler = domain.Filler;
    private readonly SwapStore _swap = domain.Swap;
    private readonly DirtyLimit _dirtyLimit = domain.DirtyLimit;
    private readonly ParkingLot _parking = domain.Parking;
    private readonly LeaseWatch _watch = domain.Watch;
    private readonly PagerMeter? _meter = domain.Meter;

    /// <summary>At hand here, since each fault asks whether anybody wants its time. Set by any thread, to the same.</summary>
    private Histogram<double>? _durations = domain.Meter?.FaultDurations;

    /// <summary>Pins a page, whatever its state.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page's number in the array.</param>
    /// <param name="write">Whether the page will be dirty.</param>
    /// <param name="word">The page's word, valid while the pin is held.</param>
    /// <returns>The page's address, valid while the pin is held.</returns>
    internal byte* Pin(PagedRegion region, long index, bool write, out ulong* word) =>
        Pin(region, index, write, PageContents.Own, out word, out _);

    /// <summary>As <see cref="Pin(PagedRegion, long, bool, out ulong*)"/>, for an access that pins several pages to read
    /// them.</summary>
    /// <returns>The page's address; null when no frame is to be had without waiting: then the caller lets go of all that it has
    /// pinned.</returns>
    internal byte* Pin(PagedRegion region, long index, bool isFirst, ref JointAccess access, out ulong* word)
    {
        access.Begin(isFirst);
        byte* address = Pin(region, index, write: false, PageContents.Own, out word, out _, ref access.Wait, ref access.Shortage);
        NoteUnlessWaiting(ref access.Wait);
        return address;
    }

    /// <summary>As <see cref="Overwrite(PagedRegion, long, PageContents)"/>, for an access that has pages pinned.</summary>
    /// <returns>False when no frame is to be had without waiting: then the caller lets go of all that it has pinned.</returns>
    internal bool TryOverwrite(PagedRegion region, long index, PageContents contents, ref JointAccess access)
    {
        access.Begin(isFirst: false);
        byte* page = Pin(region, index, write: true, contents, out ulong* word, out bool filled, ref access.Wait, ref access.Shortage);
        if (page == null)
        {
            return false;
        }

        CopyAndUnpin(region, index, contents, page, word, filled);
        NoteUnlessWaiting(ref access.Wait);
        return true;
    }

    /// <summary>As <see cref="Pin(PagedRegion, long, bool, out ulong*)"/>, in a manner that pins.</summary>
    /// <returns>The page's address; null when that would take waiting for a device and the manner is
    /// <see cref="FaultManner.AtHand"/>.</returns>
    internal byte* Pin(PagedRegion region, long index, bool write, FaultManner manner, out ulong* word)
    {
        var wait = new LeaseWait { Manner = manner };
        try
        {
            Shortage shortage = default;
            return Pin(region, index, write, PageContents.Own, out word, out _, ref wait, ref shortage);
        }
        finally
        {
            Leave(region, ref wait);
        }
    }

    /// <summary>Pins a page for writing, overwrites it as a whole, and gives the pin back. The page is never loaded for it.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page's number in the array.</param>
    /// <param name="contents">The contents that it gets.</param>
    internal void Overwrite(PagedRegion region, long index, PageContents contents)
    {
        byte* page = Pin(region, index, write: true, contents, out ulong* word, out bool filled);
        CopyAndUnpin(region, index, contents, page, word, filled);
    }

    private static void CopyAndUnpin(PagedRegion region, long index, PageContents contents, byte* page, ulong* word, bool filled)
    {
        try
        {
            if (!filled)
            {
                TestHook.MayFail(FailurePoint.Copy);
                contents.CopyTo(page, region.UsedBytes(index));
            }
        }
        finally
        {
            PageWord.Unpin(word);
        }
    }

    private byte* Pin(PagedRegion region, long index, bool write, PageContents contents, out ulong* page, out bool filled)
    {
        LeaseWait wait = default;
        Shortage shortage = default;
        try
        {
            return Pin(region, index, write, contents, out page, out filled, ref wait, ref shortage);
        }
        finally
        {
            Leave(region, ref wait);
        }
    }

    /// <summary>The access is over. Listeners hear of a fault only here, where the access holds nothing but its pin, and
    /// reads that it has begun for the pages behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave(PagedRegion region, ref LeaseWait wait)
    {
        _queue.Leave(region.Frames, ref wait);
        NoteFault(wait);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void NoteFault(in LeaseWait wait)
    {
        if (wait.Began != 0 && wait.Tier != FaultTier.None)
        {
            _meter!.NoteFault(wait.Began, wait.Tier);
        }
    }

    /// <summary>One of several pages is pinned. A listener may use the pager, and must not find the place in the line taken by its own
    /// thread: what an access brings in that has had to wait is told in the end, as one fault.</summary>
    private void NoteUnlessWaiting(ref LeaseWait wait)
    {
        if (!wait.IsInLine)
        {
            NoteFault(wait);
            (wait.Began, wait.Tier) = (0, FaultTier.None);
        }
    }

    private byte* Pin(
        PagedRegion region,
        long index,
        bool write,
        PageContents contents,
        out ulong* page,
        out bool filled,
        ref LeaseWait wait,
        ref Shortage shortage)
    {
        FrameClass size = region.Frames;
        filled = false;
        DroppedArrays.Attempt dropped = default;
        while (true)
        {
            bool refused = false;
            region.AwaitOpen();
            page = region.Find(index);
            ulong word = PageWord.Load(page);

            // A node may have become another page's since it was found. That page must not be pinned even for a moment, or Dispose of its
            // array would see a lease. A CAS that succeeds from this word on proves that the node was this page's all the time, since words
            // in nodes never recur.
            if (!region.IsOf(index, page))
            {
                continue;
            }

            switch (PageWord.State(word))
            {
                case PageState.Resident:
                    if (TryPinResident(region, page, word, write, ref wait, out refused, ref shortage))
                    {
                        // The thread that disposes the array sets the flag before it looks for pins, with a fence in between that works
                        // against the CAS (rule 4).
                        if (!region.SeesClosing)
                        {
                            return size.Base + PageWord.Offset(word);
                        }

                        PageWord.Unpin(page);
                    }

                    break;

                case PageState.Filling when wait.IsAtHand:
                    // Whoever claimed it may be reading a file.
                    return null;

                case PageState.Filling or PageState.Evicting:
                    if (PageWord.State(word) == PageState.Filling)
                    {
                        region.OnFault(index);
                    }
                    else
                    {
                        // Who evicts it may want room that reads of this thread hold.
                        ReadPlan.TryEnd();
                    }

                    _parking.Wait(page);
                    break;

                case PageState.Dead or PageState.Elsewhere or PageState.Gone:
                    // It was closed or moved since it was found.
                    break;

                default:
                    if ((_durations ??= domain.Meter?.FaultDurations) is { Enabled: true } && wait.Began == 0)
                    {
                        wait.Began = Stopwatch.GetTimestamp();
                    }

                    byte* address = _filler.TryFill(region, index, ref page, word, write, contents, ref wait, out refused, ref shortage);
                    if (address != null)
                    {
                        filled = !contents.IsOwn;
                        return address;
                    }

                    break;
            }

            if (wait.IsAtHand && (refused || wait.NeedsDevice))
            {
                return null;
            }

            // Nothing is held here, not even the count of a dirty page, unless the access has pages pinned and is told: others may end
            // their leases, and finalizers of dropped arrays may run.
            if (!refused || region.Load(index) != word || _queue.TryWait(region, shortage, ref wait))
            {
                continue;
            }

            if (wait.IsHolding)
            {
                return null;
            }

            if (!domain.Dropped.TryTakeDown(ref dropped, own: 1, shortage.IsPoolFull))
            {
                ThrowFullIfUnchanged(region, index, word, write, shortage);
            }
        }
    }

    private bool TryPinResident(
        PagedRegion region,
        ulong* page,
        ulong word,
        bool write,
        ref LeaseWait wait,
        out bool refused,
        ref Shortage shortage)
    {
        FrameClass size = region.Frames;
        refused = false;
        if (PageWord.Pins(word) >= PageWord.MaxPins - 1)
        {
            throw new InvalidOperationException(
                $"{PageWord.Pins(word):N0} leases are out on one page, the most there can be. Dispose some first.");
        }

        if (PageWord.Pins(word) == 0 && !PageWord.IsWatched(word) && TryWatch(region, page, word))
        {
            word |= PageWord.Watched;
        }

        if (!write || (word & PageWord.Dirty) != 0)
        {
            return PageWord.TryPin(page, word, PageWord.Referenced);
        }

        return TryPinForWriting(size, page, word, wait, out refused, ref shortage);
    }

    /// <summary>Resident and clean → resident and dirty, with one more pin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryDirtyAndPin(FrameClass size, ulong* page, ulong word, in LeaseWait wait, out bool refused, ref Shortage shortage)
    {
        // The count comes first, since it may be refused. Then one CAS sets the dirty bit and adds the pin (rule 1).
        refused = !_dirtyLimit.TryReserve(size, wait, ref shortage);
        if (refused)
        {
            return false;
        }

        if (!PageWord.TryPin(page, word, PageWord.Referenced | PageWord.Dirty))
        {
            size.ReleaseDirty();
            return false;
        }

        // The stored copy is out of date from the first write on. It is taken out while our pin keeps the frame's record with this page
        // (rule 2).
        bool isPinned = KeepsPin(page);
        FreeCopy(size.RecordOf(PageWord.Offset(word)));
        return isPinned;
    }

    /// <summary>Resident without pins → the same, and watched, by way of a claim. Only if the page's part of the table is watched or can
    /// be.</summary>
    private bool TryWatch(PagedRegion region, ulong* page, ulong word)
    {
        if (!_watch.Covers(region, page) || !PageWord.TryBeginEvict(page, word))
        {
            return false;
        }

        // First the claim, then the check: see LeaseWatch.TryUncoverUnsynchronized.
        Fences.AfterInterlocked();
        bool watched = _watch.Covers(region, page);
        if (PageWord.AbandonEvict(page, watched ? word | PageWord.Watched : word))
        {
            _parking.Wake(page);
        }

        return watched;
    }

    private void FreeCopy(FrameRecord* record)
    {
        uint stored = TakeCopy(record);
        if (stored != 0)
        {
            _swap.Free(stored);
        }
    }

    /// <summary>Refuses the access, unless the page has changed since. Then another thread may have brought it in or made it dirty, and the
    /// access needs nothing more.</summary>
    private void ThrowFullIfUnchanged(PagedRegion region, long index, ulong word, bool write, in Shortage shortage)
    {
        // A thread that loses a race against Dispose is told that the array is disposed, not that there is no room.
        region.AwaitOpen();
        domain.ThrowIfClosed();
        if (region.Load(index) == word)
        {
            ThrowHelper.ThrowOutOfSpace(domain, region, write, shortage);
        }
    }
}
