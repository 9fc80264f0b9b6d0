using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Tells the replacement policy of each page size what happens to its frames. The policy knows frames; the reference bits are in
/// the words of their pages, and this type reads and clears them.</summary>
/// <remarks>Any thread may call anything at any time. A frame that changes hands between two steps costs the policy a wrong hint, nothing
/// more.</remarks>
internal sealed unsafe class FrameClock(FramePool frames, SwapStore swap, bool hasBackground)
{
    /// <summary>The frame that is to go next; −1 when no frame has a page.</summary>
    internal static long NextVictim(FrameClass size) => Absolute(size, size.Replacement.NextVictim());

    /// <summary>The frame that <see cref="NextVictim"/> would mostly name; −1 when there is none. For a prefetch.</summary>
    internal static long LikelyVictim(FrameClass size) => Absolute(size, size.Replacement.LikelyVictim());

    /// <summary>The hot frame whose turn it is; −1 when there is none.</summary>
    internal static long NextHot(FrameClass size) => Absolute(size, size.Replacement.NextHot());

    /// <summary>What the page's word keeps when the page goes out of a frame. Read before the page is unpublished.</summary>
    internal static int HistoryOf(FrameClass size, long frame) => size.Replacement.HistoryOf(frame - size.FirstFrame);

    /// <summary>The page of a frame has been unpublished.</summary>
    internal static void Remove(FrameClass size, long frame) => size.Replacement.Remove(frame - size.FirstFrame);

    /// <summary>The page of a victim was found used; its reference bit has been cleared.</summary>
    internal void Spare(FrameClass size, long frame)
    {
        NoteUsed(size, frame);
        long victim = frame - size.FirstFrame;
        Ask(size, size.Replacement.Rival(victim));
        size.Replacement.Spare(victim, Capacity(size));
    }

    /// <summary>Looks at some hot frames. Called for each fault, before the page is claimed.</summary>
    /// <remarks>Their words lie anywhere, and each would be a cache miss: so they are prefetched for the next fault, and those that were
    /// prefetched for this one are looked at. Racing threads may look at a frame twice, or leave it to the next turn.</remarks>
    internal void Advance(FrameClass size)
    {
        for (int i = 0; i < Replacement.ChecksPerFault; i++)
        {
            ref long slot = ref size.AheadOfHand[i];
            long hot = Volatile.Read(ref slot);
            long next = size.Replacement.NextHot();
            Volatile.Write(ref slot, next);
            Prefetch(size, next);
            if (hot >= 0)
            {
                Check(size, hot);
            }
        }

        long ahead = size.Replacement.NextAhead();
        if (ahead >= 0)
        {
            CheckAhead(size, size.FirstFrame + ahead);
        }
    }

    /// <summary>Looks at a frame whose page was brought in ahead of demand.</summary>
    internal void CheckAhead(FrameClass size, long frame) => CheckAhead(size, frame, Capacity(size));

    /// <summary>Looks at some of the pages that were brought in ahead, for who finds too many of them: those that have not been used while so
    /// many others came in are like any other page from here on. Streams that have ended leave them behind.</summary>
    /// <returns>Whether there are fewer now.</returns>
    internal bool ReviewAhead(FrameClass size, int looks, long patience)
    {
        long before = size.Replacement.FramesAhead;
        for (int i = 0; i < looks && size.Replacement.NextAhead() is >= 0 and long ahead; i++)
        {
            CheckAhead(size, size.FirstFrame + ahead, patience);
        }

        return size.Replacement.FramesAhead < before;
    }

    private void CheckAhead(FrameClass size, long frame, long patience)
    {
        bool used = TakeReference(size, frame - size.FirstFrame);
        if (used)
        {
            NoteUsed(size, frame);
        }

        size.Replacement.CheckAhead(frame - size.FirstFrame, used, patience);
    }

    /// <summary>A prefetch found the page in its frame: one that came ahead itself is kept as long as if it came now.</summary>
    /// <returns>False when it did not come ahead, or has been used since.</returns>
    internal static bool TryRenewAhead(FrameClass size, long frame) =>
        PrefetchMark.IsSet(size.Records + frame) && size.Replacement.TryRenewAhead(frame - size.FirstFrame);

    /// <summary>The page of a frame will not be used soon: it goes next, unless it is used before.</summary>
    internal static void Cool(FrameClass size, long frame)
    {
        TakeReference(size, frame - size.FirstFrame);
        size.Replacement.Cool(frame - size.FirstFrame);
    }

    private void Check(FrameClass size, long hot)
    {
        bool used = TakeReference(size, hot);
        size.Replacement.Check(hot, used, Capacity(size));
        if (used)
        {
            NoteUsed(size, size.FirstFrame + hot);
        }
    }

    private void Prefetch(FrameClass size, long hot)
    {
        if (hot >= 0 && Sse.IsSupported)
        {
            // A null or stale pointer does no harm: a prefetch does not fault.
            FrameRecord* record = size.Records + size.FirstFrame + hot;
            Sse.Prefetch0(record->Page);
            swap.PrefetchDescriptor(record->Stored);
        }
    }

    /// <summary>A page is about to be published in a frame that the caller owns.</summary>
    /// <param name="size">The page size.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="word">The page's word before.</param>
    /// <param name="isAhead">Whether nobody has accessed the page yet.</param>
    /// <returns>Whether the page was away for less than as many faults as there are frames.</returns>
    internal bool Fill(FrameClass size, long frame, ulong word, bool isAhead)
    {
        Replacement policy = size.Replacement;
        int history = HistoryOf(word);
        long capacity = Capacity(size);
        if (isAhead)
        {
            policy.FillAhead(frame - size.FirstFrame, capacity);
            return false;
        }

        Ask(size, policy.Rival(history, capacity));
        bool isFull = frames.RemainingFor(size) < size.PageBytes && size.FreeFrames <= Reclaimer.High(size);
        long settled = policy.Fill(frame - size.FirstFrame, history, capacity, isFull);
        if (settled >= 0)
        {
            TakeReference(size, settled);
        }

        return history >= 0 && policy.WasAwayFor(history) < capacity;
    }

    /// <summary>Whether a page has been in a frame before.</summary>
    internal static bool IsBack(ulong word) => HistoryOf(word) >= 0;

    /// <summary>Whether a page that was away would have come from the pool if that held nothing but the pages that have gone since, as they
    /// are. A page that stays away for longer would only push others out.</summary>
    internal bool IsWithinReach(FrameClass size, ulong word)
    {
        int history = HistoryOf(word);
        return history >= 0 && size.Replacement.WasAwayFor(history) < Capacity(size) + (swap.Budget.LimitBytes >> size.PageShift);
    }

    /// <summary>Samples a page that is about to be published in a frame that the caller owns, for the forecast of what more frames would
    /// save.</summary>
    /// <param name="size">The page size.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="identity">The page's, for as long as it has one.</param>
    /// <param name="word">The page's word before.</param>
    /// <param name="isAhead">Whether nobody has accessed the page yet.</param>
    internal void Sample(FrameClass size, long frame, ulong identity, ulong word, bool isAhead)
    {
        // Ahead of demand the number of the fault is not read, which another processor has just changed. The forecast's rest ends with a
        // fault that somebody waits for.
        ushort sample = 0;
        if (size.Forecast.IsSampled(identity, isAhead ? -1 : size.Replacement.Faults))
        {
            bool isNew = HistoryOf(word) == Replacement.None;
            sample = size.Forecast.NoteFault(identity, isNew, isAhead, size.Replacement.Faults, FullCapacity(size));
        }

        size.Records[frame].Sample = sample;
    }

    /// <summary>As <see cref="Fill"/>, ahead of demand, for a page that has been published, unless it has gone already.</summary>
    internal void FillAhead(FrameClass size, long frame)
    {
        FrameRecord* record = size.Records + frame;
        if (Shared.Read(SharedWord.FrameRecord, (nint*)&record->Page) == 0)
        {
            return;
        }

        size.Replacement.FillAhead(frame - size.FirstFrame, Capacity(size));
        if (!PrefetchMark.IsSet(record))
        {
            // It was found used between its publication and now, when it was in no ring yet.
            size.Replacement.CheckAhead(frame - size.FirstFrame, used: true, Capacity(size));
        }
    }

    /// <summary>If the page of a hot frame that may lose its place has been used meanwhile, tells the policy.</summary>
    private void Ask(FrameClass size, long rival)
    {
        if (rival >= 0 && TakeReference(size, rival))
        {
            size.Replacement.Check(rival, used: true, Capacity(size));
        }
    }

    /// <summary>Clears the reference bit of the page in a frame, if it is set.</summary>
    /// <returns>Whether it was.</returns>
    private static bool TakeReference(FrameClass size, long index)
    {
        long frame = size.FirstFrame + index;
        FrameRecord* record = size.Records + frame;
        ulong* page = (ulong*)Shared.Read(SharedWord.FrameRecord, (nint*)&record->Page);
        if (page == null)
        {
            return false;
        }

        ulong word = PageWord.Load(page);
        if (!PageWord.IsResident(word) || !PageWord.IsHot(word) || PageWord.Offset(word) != size.OffsetOf(frame))
        {
            return false;
        }

        PageWord.Unreference(page, word);
        return true;
    }

    /// <summary>Tells the pool that the stored copy of a page is still in use. While the page is in its frame nothing loads the copy, so it
    /// would look cold.</summary>
    /// <remarks>The record may belong to another page by now. Then that page's copy stays warm too long, or that page is stored once more
    /// than needed.</remarks>
    private void NoteUsed(FrameClass size, long frame)
    {
        FrameRecord* record = size.Records + frame;
        PrefetchMark.NoteUsed(record);
        if (record->Sample != 0)
        {
            size.Forecast.NoteUsed(record->Sample, FullCapacity(size));
        }

        uint stored = Shared.Read(SharedWord.FrameRecord, &record->Stored);
        if (stored != 0 && swap.NoteUsed(stored))
        {
            TestHook.Reach(SharedWord.FrameRecord);
            record->Wish = PoolWish.IfAtHand;
        }
    }

    /// <summary>The frames that are to hold pages. Those that the background keeps free are not the policy's: if it counted on them, its
    /// window would be emptied for them, and then its hot ring.</summary>
    private long Capacity(FrameClass size) => Math.Max(1, size.Frames - (hasBackground ? Reclaimer.High(size) : 0));

    /// <summary>The same, once all memory that is left has become frames of this size.</summary>
    private long FullCapacity(FrameClass size) => Capacity(size) + Math.Max(0, frames.RemainingFor(size) >> size.PageShift);

    private static int HistoryOf(ulong word) =>
        PageWord.State(word) == PageState.Swapped ? PageWord.History(word) : Replacement.None;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Absolute(FrameClass size, long frame) => frame < 0 ? -1 : size.FirstFrame + frame;
}
