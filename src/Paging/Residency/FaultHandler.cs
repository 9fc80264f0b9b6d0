using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pins pages. The slow path of every access: brings pages in, waits for those that other threads have claimed, and makes clean
/// ones dirty.</summary>
internal sealed unsafe partial class FaultHandler(PagingDomain domain)
{
    private readonly LeaseQueue _queue = new(domain);
    private readonly Counters _counters = domain.Counters;
    private readonly SwapStore _swap = domain.Swap;
    private readonly Reclaimer _reclaimer = domain.Reclaimer;
    private readonly FrameClock _clock = domain.Clock;
    private readonly DirtyLimit _dirtyLimit = domain.DirtyLimit;
    private readonly ParkingLot _parking = domain.Parking;
    private readonly LeaseWatch _watch = domain.Watch;

    /// <summary>Pins a page, whatever its state.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page's number in the array.</param>
    /// <param name="write">Whether the page will be dirty.</param>
    /// <param name="word">The page's word, valid while the pin is held.</param>
    /// <returns>The page's address, valid while the pin is held.</returns>
    internal byte* Pin(PagedRegion region, long index, bool write, out ulong* word) =>
        Pin(region, index, write, PageContents.Own, out word, out _);

    /// <summary>Pins a page for writing, overwrites it as a whole, and gives the pin back. The page is never loaded for it.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page's number in the array.</param>
    /// <param name="contents">The contents that it gets.</param>
    internal void Overwrite(PagedRegion region, long index, PageContents contents)
    {
        byte* page = Pin(region, index, write: true, contents, out ulong* word, out bool filled);
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
        try
        {
            return Pin(region, index, write, contents, out page, out filled, ref wait);
        }
        finally
        {
            _queue.Leave(region.Frames, ref wait);
        }
    }

    private byte* Pin(
        PagedRegion region,
        long index,
        bool write,
        PageContents contents,
        out ulong* page,
        out bool filled,
        ref LeaseWait wait)
    {
        FrameClass size = region.Frames;
        filled = false;
        DroppedArrays.Attempt dropped = default;
        Shortage shortage = default;
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
                        // The thread that disposes the array sets the flag before it looks for pins, with a process-wide barrier in between
                        // (rule 4).
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
                    _parking.Wait(page);
                    break;

                case PageState.Dead or PageState.Elsewhere or PageState.Gone:
                    // It was closed or moved since it was found.
                    break;

                default:
                    byte* address = TryFill(region, index, ref page, word, write, contents, ref wait, out refused, ref shortage);
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

            // Nothing is held here, not even the count of a dirty page: others may end their leases, and finalizers of dropped arrays may
            // run.
            if (refused
                && region.Load(index) == word
                && !_queue.TryWait(region, shortage, ref wait)
                && !domain.Dropped.TryTakeDown(ref dropped, own: 1))
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

        // First the claim, then the check: see LeaseWatch.TryUncover.
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

    /// <summary>Gives an untouched or swapped page a frame. Null when another thread was faster, or when
    /// <paramref name="refused"/>.</summary>
    private byte* TryFill(
        PagedRegion region,
        long index,
        ref ulong* page,
        ulong word,
        bool write,
        PageContents contents,
        ref LeaseWait wait,
        out bool refused,
        ref Shortage shortage)
    {
        FrameClass size = region.Frames;
        uint stored = PageWord.State(word) == PageState.Swapped ? PageWord.Stored(word) : 0;
        refused = false;
        if (!_queue.AwaitTurn(size, page, word, ref wait))
        {
            return null;
        }

        if (write && !_dirtyLimit.TryReserve(size, wait, ref shortage))
        {
            refused = true;
            return null;
        }

        long frame = -1;
        bool claimed = false;
        bool published = false;
        try
        {
            if (stored != 0 && contents.IsOwn)
            {
                _swap.Loader.Prefetch(stored);
            }

            // Rule 7: the frame is in hand before the page is claimed, so that no claim waits for a frame.
            frame = TakeFrame(size, write, wait, ref shortage);
            if (frame < 0)
            {
                refused = true;
                return null;
            }

            claimed = region.TryBeginFill(index, ref page, ref word);
            if (!claimed)
            {
                return null;
            }

            // Pairs with CompleteClose: either its sweep sees the granule in use and waits for this claim, or we see the region closed. In
            // that case its table may be given back at any time, and nothing must be published there.
            Fences.AfterInterlocked();
            if (region.SeesClosed)
            {
                return null;
            }

            byte* address = size.Address(frame);
            TestHook.Reach(SharedWord.PageData);
            LoadResult source = FillFrame(region, index, stored, address, contents, wait.IsAtHand);
            if (!source.IsLoaded)
            {
                wait.NeedsDevice = true;
                return null;
            }

            ulong flags = write ? PageWord.Dirty : 0;

            // Checked under the claim, behind a fence: see LeaseWatch.TryUncover.
            flags |= _watch.Covers(region, page) ? PageWord.Watched : 0;

            FrameRecord* record = size.Records + frame;
            record->Stored = write ? 0 : stored;
            record->Policy = region.PolicyNumber;
            record->Used = region.UsedBytes(index);
            bool isUsedLater = wait.Manner is FaultManner.Ahead or FaultManner.Requested;
            bool isBackSoon = _clock.Fill(size, frame, region.IdentityOf(index), word, isUsedLater);
            record->WantsPool = source.IsOutdated || (source.IsFromFile && isBackSoon);
            MarkIfAhead(record, wait.Manner);
            Volatile.Write(ref *(nint*)&record->Page, (nint)page);
            bool waiters = PageWord.CompleteFill(page, word, size.OffsetOf(frame), flags, PinFor(wait));
            published = true;
            if (waiters)
            {
                _parking.Wake(page);
            }

            if (write && stored != 0)
            {
                _swap.Free(stored);
            }

            _counters.Add(source.IsFromFile
                ? Counter.FaultsFromFile
                : stored != 0 && contents.IsOwn ? Counter.FaultsFromPool : Counter.FaultsOfZeroes);
        }
        finally
        {
            if (!published)
            {
                Undo(region, index, page, word, frame, claimed, write);
            }
        }

        if (IsThrough(page, wait))
        {
            // No word of the page's can be relied on any more: it may have gone again.
            return size.Address(frame);
        }

        // Either the thread that closes the region sees this pin, or we see the flag and take the pin back, which the sweep waits for.
        Fences.AfterInterlocked();
        if (region.SeesClosing)
        {
            PageWord.Unpin(page);
            return null;
        }

        return size.Address(frame);
    }

    /// <summary>Fills a frame with the page's contents.</summary>
    /// <returns>Where the page came from. Not loaded only if it is in a file and must be had from memory.</returns>
    private LoadResult FillFrame(PagedRegion region, long index, uint stored, byte* address, PageContents contents, bool fromMemory)
    {
        int bytes = region.UsedBytes(index);
        if (!contents.IsOwn)
        {
            TestHook.MayFail(FailurePoint.Copy);
            contents.CopyTo(address, bytes);
        }
        else if (stored == 0)
        {
            Unsafe.InitBlockUnaligned(address, 0, (uint)bytes);
        }
        else
        {
            LoadResult result = _swap.Loader.Load(stored, address, bytes, fromMemory);
            if (!result.IsLoaded && result.Status != LoadStatus.InFile)
            {
                ThrowHelper.ThrowCorrupted(region, index, result.Describe());
            }

            return result;
        }

        return new LoadResult(LoadStatus.Loaded);
    }

    private static void Undo(PagedRegion region, long index, ulong* page, ulong word, long frame, bool claimed, bool write)
    {
        FrameClass size = region.Frames;
        if (GivesBack(claimed))
        {
            region.AbandonFill(index, page, word);
        }

        if (frame >= 0)
        {
            size.GiveBack(frame);
        }

        if (write)
        {
            size.ReleaseDirty();
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
