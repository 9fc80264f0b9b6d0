using Paging.Memory;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What became of a page that was to be brought into a frame, and not pinned.</summary>
internal enum BroughtIn
{
    /// <summary>It was in a frame already.</summary>
    Resident,

    /// <summary>It is in a frame now.</summary>
    Filled,

    /// <summary>It holds zeroes and needs no frame.</summary>
    Zeroes,

    /// <summary>No frame was to be had.</summary>
    NoFrame,

    /// <summary>Others were changing it all the time, or it cannot be read; that is for those to hear who access it.</summary>
    Failed,

    /// <summary>The array is disposed.</summary>
    Closed,
}

/// <summary>What became of a page that was brought in ahead of demand.</summary>
internal enum AheadUse
{
    /// <summary>It is in its frame, or on its way, and nobody has used it.</summary>
    NotYet,

    /// <summary>Somebody has used it.</summary>
    Used,

    /// <summary>It is not in a frame any more, used or not.</summary>
    Gone,
}

/// <summary>Brings pages into frames for somebody else, without a pin: ahead of demand, or for an access that will come.</summary>
internal sealed unsafe class PageFetcher(PagingDomain domain)
{
    /// <summary>How often a page is looked at that others keep changing.</summary>
    private const int MaxLooks = 16;

    private readonly LeaseQueue _queue = domain.Queue;
    private readonly PageFiller _filler = domain.Filler;
    private readonly FrameClock _clock = domain.Clock;
    private readonly Reclaimer _reclaimer = domain.Reclaimer;
    private readonly ParkingLot _parking = domain.Parking;

    /// <summary>Brings a page into a frame without a pin: from there on it is like any other that nobody has leased. So it may be gone when
    /// this returns, and Dispose meets no lease of ours.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses memory.</exception>
    internal BroughtIn BringIn(PagedRegion region, long index)
    {
        var wait = new LeaseWait { Manner = FaultManner.Requested };
        return BringIn(region, index, ref wait);
    }

    private BroughtIn BringIn(PagedRegion region, long index, ref LeaseWait wait)
    {
        Shortage shortage = default;
        for (int look = 0; look < MaxLooks; look++)
        {
            if (region.IsClosed)
            {
                return BroughtIn.Closed;
            }

            ulong* page = region.Find(index);
            ulong word = PageWord.Load(page);

            // As in Pin: a node may have become another page's.
            if (!region.IsOf(index, page))
            {
                continue;
            }

            switch (PageWord.State(word))
            {
                case PageState.Resident:
                    Keep(region.Frames, page, word, isAhead: wait.Manner == FaultManner.Ahead);
                    return BroughtIn.Resident;

                case PageState.Filling or PageState.Evicting:
                    // Another thread brings it in, or will soon have taken it out.
                    _parking.Wait(page);
                    break;

                case PageState.Dead or PageState.Elsewhere or PageState.Gone:
                    break;

                default:
                    if (TryFill(region, index, page, word, ref wait, ref shortage) is { } outcome)
                    {
                        return outcome;
                    }

                    break;
            }
        }

        return BroughtIn.Failed;
    }

    /// <summary>Brings in a page that is in no frame, if there is need and a frame for it.</summary>
    /// <returns>Null when another thread has changed it meanwhile.</returns>
    private BroughtIn? TryFill(PagedRegion region, long index, ulong* page, ulong word, ref LeaseWait wait, ref Shortage shortage)
    {
        if (wait.Manner == FaultManner.Ahead && region.IsZeroes(word))
        {
            return BroughtIn.Zeroes;
        }

        // Threads that wait for a frame have been there before.
        if (_queue.IsAnyWaiting)
        {
            return BroughtIn.NoFrame;
        }

        byte* filled = _filler.TryFill(
            region, index, ref page, word, write: false, PageContents.Own, ref wait, out bool refused, ref shortage);
        return filled != null ? BroughtIn.Filled : refused ? BroughtIn.NoFrame : null;
    }

    /// <summary>Whether a prefetch has nothing to do for a page now: it is in a frame, which it then keeps for a while, or needs
    /// none.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="isResident">Whether it is in a frame.</param>
    internal static bool IsAtHand(PagedRegion region, long index, out bool isResident)
    {
        ulong* page = region.Find(index);
        ulong word = PageWord.Load(page);
        isResident = PageWord.IsResident(word) && region.IsOf(index, page);
        if (isResident)
        {
            Keep(region.Frames, page, word, isAhead: true);
        }

        return isResident || region.IsZeroes(word);
    }

    /// <summary>A page that is about to be used is not to be the next that goes. One that was brought in ahead stays marked as not used
    /// yet.</summary>
    private static void Keep(FrameClass size, ulong* page, ulong word, bool isAhead)
    {
        if (isAhead && (word & PageWord.Referenced) == 0 && !FrameClock.TryRenewAhead(size, size.FrameAt(PageWord.Offset(word))))
        {
            PageWord.Reference(page, word);
        }
    }

    /// <summary>Takes frames for pages that are brought in ahead, one after another. <see cref="EndBatch"/> is owed.</summary>
    internal void BeginBatch(PagedRegion region, ref FrameBatch frames, int count) => frames.Begin(region.Frames, _reclaimer, count);

    internal void EndBatch(PagedRegion region, ref FrameBatch frames) => frames.End(region.Frames, _clock);

    /// <summary>As <see cref="BringIn(PagedRegion, long)"/>, ahead of demand. Throws nothing: whoever accesses the page hears what
    /// is wrong with it.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="frames">Frames in hand; null to take one.</param>
    internal BroughtIn BringInAhead(PagedRegion region, long index, FrameBatch* frames)
    {
        var wait = new LeaseWait { Manner = FaultManner.Ahead, Frames = frames };
        return BringInAhead(region, index, ref wait);
    }

    /// <summary>As <see cref="BringInAhead(PagedRegion, long, FrameBatch*)"/>, for one page.</summary>
    internal BroughtIn BringInAhead(PagedRegion region, long index) => BringInAhead(region, index, frames: null);

    /// <summary>As <see cref="BringInAhead(PagedRegion, long)"/>, for a page that the program has asked for.</summary>
    internal BroughtIn BringInAsked(PagedRegion region, long index)
    {
        var wait = new LeaseWait { Manner = FaultManner.Ahead, IsAsked = true };
        return BringInAhead(region, index, ref wait);
    }

    private BroughtIn BringInAhead(PagedRegion region, long index, ref LeaseWait wait)
    {
        try
        {
            return BringIn(region, index, ref wait);
        }
        catch (PageCorruptedException)
        {
            return BroughtIn.Failed;
        }
        catch (OutOfMemoryException)
        {
            // The system has none for a codec. Nobody has to have the page now.
            return BroughtIn.NoFrame;
        }
    }

    /// <summary>Whether a page that was brought in ahead has been used, as far as its word and its frame's record say.</summary>
    internal static AheadUse UseOf(PagedRegion region, long index)
    {
        ulong* page = region.Find(index);
        ulong word = PageWord.Load(page);
        if (!PageWord.IsResident(word) || !region.IsOf(index, page))
        {
            return PageWord.IsClaimed(word) ? AheadUse.NotYet : AheadUse.Gone;
        }

        return PageWord.IsHot(word) || !PrefetchMark.IsSet(region.Frames.RecordOf(PageWord.Offset(word))) ? AheadUse.Used : AheadUse.NotYet;
    }

    /// <inheritdoc cref="FrameClock.ReviewAhead"/>
    internal bool ReviewAhead(FrameClass size, int looks, long patience) => _clock.ReviewAhead(size, looks, patience);

    /// <summary>Tells the policy that a page that was brought in ahead has been used and left behind.</summary>
    internal void NoteUsedAhead(PagedRegion region, long index)
    {
        ulong* page = region.Find(index);
        ulong word = PageWord.Load(page);
        if (PageWord.IsResident(word) && region.IsOf(index, page))
        {
            _clock.CheckAhead(region.Frames, region.Frames.FrameAt(PageWord.Offset(word)));
        }
    }
}
