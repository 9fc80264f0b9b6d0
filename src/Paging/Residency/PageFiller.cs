using System.Runtime.CompilerServices;
using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Gives pages that are in no frame a frame: claims the page, fills the frame with its contents, and publishes it.</summary>
internal sealed unsafe partial class PageFiller(PagingDomain domain)
{
    private readonly LeaseQueue _queue = domain.Queue;
    private readonly Counters _counters = domain.Counters;
    private readonly SwapStore _swap = domain.Swap;
    private readonly Reclaimer _reclaimer = domain.Reclaimer;
    private readonly FrameClock _clock = domain.Clock;
    private readonly DirtyLimit _dirtyLimit = domain.DirtyLimit;
    private readonly ParkingLot _parking = domain.Parking;
    private readonly LeaseWatch _watch = domain.Watch;

    /// <summary>Gives an untouched or swapped page a frame. Null when another thread was faster, or when
    /// <paramref name="refused"/>.</summary>
    internal byte* TryFill(
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
            refused = wait.IsHolding;
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

            // Pages that a program asks for ahead are no stream that is read once, however they lie: it knows what it will look at.
            bool isChosen = wait.IsAsked;
            if ((stored != 0 || region.Backing is not null) && contents.IsOwn && wait.Manner != FaultManner.Ahead)
            {
                // Before the work on this page begins, so that others bring in the next ones meanwhile.
                isChosen = !region.OnFault(index);
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

            // Pairs with RegionCloser.Complete: either its sweep sees the granule in use and waits for this claim, or we see the region
            // closed. In that case its table may be given back at any time, and nothing must be published there.
            Fences.AfterInterlocked();
            if (region.SeesClosed)
            {
                return null;
            }

            byte* address = size.Address(frame);
            TestHook.Reach(SharedWord.PageData);
            LoadResult source = FillFrame(region, index, stored, address, contents, wait.Manner);
            if (!source.IsLoaded)
            {
                wait.NeedsDevice = true;
                return null;
            }

            ulong flags = write ? PageWord.Dirty : 0;

            // Checked under the claim, behind a fence: see LeaseWatch.TryUncoverUnsynchronized.
            flags |= _watch.Covers(region, page) ? PageWord.Watched : 0;

            // Of a stored page that was dropped nothing is left but its descriptor.
            bool isFreed = stored != 0 && (write || (source.IsFromBacking && contents.IsOwn));
            FrameRecord* record = size.Records + frame;
            record->Stored = isFreed ? 0 : stored;
            record->Policy = region.PolicyNumber;
            record->Used = region.UsedBytes(index);
            bool isUsedLater = wait.Manner is FaultManner.Ahead or FaultManner.Requested;
            _clock.Sample(size, frame, region.IdentityOf(index), word, isUsedLater);
            bool isBackSoon = wait.Frames == null && _clock.Fill(size, frame, word, isUsedLater);
            record->Wish = PoolAdmission.WishFor(_clock, source, size, word, isBackSoon, isChosen);
            MarkIfAhead(record, wait.Manner);
            Volatile.Write(ref *(nint*)&record->Page, (nint)page);
            bool waiters = PageWord.CompleteFill(page, word, size.OffsetOf(frame), flags, PinFor(wait));
            published = true;
            if (wait.Frames != null)
            {
                wait.Frames->NoteFilled(frame);
            }

            if (waiters)
            {
                _parking.Wake(page);
            }

            if (isFreed)
            {
                _swap.Free(stored);
            }

            if (source.IsFromFile)
            {
                region.NoteFile();
            }

            wait.Tier = source.IsFromFile ? FaultTier.File : stored != 0 && contents.IsOwn ? FaultTier.Pool : FaultTier.Untouched;
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
    private LoadResult FillFrame(PagedRegion region, long index, uint stored, byte* address, PageContents contents, FaultManner manner)
    {
        int bytes = region.UsedBytes(index);
        if (!contents.IsOwn)
        {
            TestHook.MayFail(FailurePoint.Copy);
            contents.CopyTo(address, bytes);
            return new LoadResult(LoadStatus.Loaded);
        }

        if (stored == 0 && region.Backing is null)
        {
            Unsafe.InitBlockUnaligned(address, 0, (uint)bytes);
            return new LoadResult(LoadStatus.Loaded);
        }

        bool fromMemory = manner == FaultManner.AtHand;
        LoadResult result = stored != 0 ? _swap.Loader.Load(stored, address, bytes, fromMemory) : new LoadResult(LoadStatus.Dropped);
        if (result.Status == LoadStatus.Dropped)
        {
            result = fromMemory ? new LoadResult(LoadStatus.InFile) : region.Backing!.Load(index, address, bytes);
        }

        if (!result.IsLoaded && result.Status != LoadStatus.InFile)
        {
            // Not for those that come ahead of demand, whose threads tell nobody: it would be counted again when it is accessed.
            bool isWrong = result.Status is LoadStatus.Corrupted or LoadStatus.SourceDamaged;
            _counters.Add(Counter.CorruptedPages, isWrong && manner != FaultManner.Ahead ? 1 : 0);
            if (manner != FaultManner.Ahead && PagingEvents.IsListenedTo)
            {
                PagingEvents.NotePageCorrupted(domain.Name, region.Name ?? string.Empty, index, result.Describe());
            }

            ThrowHelper.ThrowCorrupted(region, index, result);
        }

        return result;
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

    private long TakeFrame(FrameClass size, bool write, in LeaseWait wait, ref Shortage shortage) => wait.Manner switch
    {
        FaultManner.Ahead => wait.Frames != null && wait.Frames->Take() is >= 0 and long frame
            ? frame
            : _reclaimer.TakeEasily(size, StoreLevel.Normal),
        FaultManner.AtHand => _reclaimer.TakeEasily(size, StoreLevel.AtHand),
        _ => _reclaimer.Take(size, write, wait, ref shortage),
    };

    /// <summary>Marks a page that is about to be published if it comes ahead of demand.</summary>
    private void MarkIfAhead(FrameRecord* record, FaultManner manner)
    {
        bool isAhead = manner == FaultManner.Ahead;
        PrefetchMark.Set(record, isAhead);
        if (isAhead)
        {
            _counters.Add(Counter.PrefetchedPages);
        }
    }
}
