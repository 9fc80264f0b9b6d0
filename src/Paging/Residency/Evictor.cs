using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What came of an attempt to take the page out of a frame.</summary>
internal enum EvictOutcome
{
    /// <summary>The frame is the caller's.</summary>
    Freed,

    /// <summary>The page was read since the clock last passed. Its reference bit is clear now.</summary>
    SecondChance,

    /// <summary>Leases are out on its page.</summary>
    Pinned,

    /// <summary>Its page is dirty, and the pool has no room or is being closed.</summary>
    Unstorable,

    /// <summary>Its page is clean, where only a dirty one was wanted.</summary>
    Clean,

    /// <summary>There is no page in it, or another thread is working on it. Look again.</summary>
    Busy,
}

/// <summary>Takes the page out of one frame, if that can be done now. Its callers choose the frame.</summary>
/// <remarks>Any thread may try any frame. A clean page costs one CAS (<see cref="EvictClean"/>), unless the pool is to have it anew; a
/// dirty one is encoded. Room for it is found before the page is claimed, so no thread waits here while it holds a claim (rule
/// 7).</remarks>
internal sealed unsafe partial class Evictor(SwapStore swap, PolicyTable policies, FrameClock clock, ParkingLot parking, Counters counters)
{
    /// <summary>Tries to take the page out of one frame.</summary>
    /// <param name="size">The frame's class.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="level">How much of the pool's reserve may be used to store the page.</param>
    /// <param name="spare">Whether a referenced page gets its second chance.</param>
    /// <param name="dirtyOnly">Whether a clean page is passed over.</param>
    internal EvictOutcome Evict(FrameClass size, long frame, StoreLevel level, bool spare, bool dirtyOnly = false)
    {
        FrameRecord* record = size.Records + frame;
        ulong* page = (ulong*)Shared.Read(SharedWord.FrameRecord, (nint*)&record->Page);
        if (page == null)
        {
            return EvictOutcome.Busy;
        }

        // The record may name another page by now. The page's word decides: a page lives in this frame only if its word names the frame.
        ulong word = PageWord.Load(page);
        if (!PageWord.IsResident(word) || !LivesIn(size, frame, word))
        {
            return EvictOutcome.Busy;
        }

        if (IsPinned(word))
        {
            return EvictOutcome.Pinned;
        }

        if (dirtyOnly && (word & PageWord.Dirty) == 0)
        {
            return EvictOutcome.Clean;
        }

        if (spare && (word & PageWord.Referenced) != 0)
        {
            PageWord.Unreference(page, word);
            clock.Spare(size, frame);
            return EvictOutcome.SecondChance;
        }

        return (word & PageWord.Dirty) == 0
            ? EvictClean(size, frame, page, word)
            : EvictByStoring(size, frame, page, word, level);
    }

    /// <summary>Gives back the frame of a page that the caller has unpublished. The frame's record names no stored page any more.</summary>
    internal static void GiveBack(FrameClass size, long frame)
    {
        Unbind(size, frame);
        size.GiveBack(frame);
    }

    /// <summary>Takes the stored copy out of the record of a page that the caller has just made dirty and still pins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint TakeStored(FrameRecord* record) => Shared.Exchange(SharedWord.FrameRecord, &record->Stored, 0);

    /// <summary>Counts a frame that was seen pinned, and, with <paramref name="marks"/>, asks to be woken when a pin on its page is given
    /// back.</summary>
    internal static void NotePinned(FrameClass size, long frame, bool marks, ref Shortage found, ref long clean, ref long dirty)
    {
        ulong* page = FrameRecord.LoadPage(size.Records + frame);
        ulong word = page == null ? 0 : PageWord.Load(page);
        bool isNew = false;
        if (!PageWord.IsResident(word) || PageWord.Offset(word) != size.OffsetOf(frame) || PageWord.Pins(word) == 0
            || (marks && !PageWord.TryAwaitUnpin(page, word, out isNew)))
        {
            // The pin has been given back meanwhile.
            found.InFlight++;
            return;
        }

        found.HasChanged |= isNew;
        if ((word & PageWord.Dirty) != 0)
        {
            dirty++;
        }
        else
        {
            clean++;
        }
    }

    /// <summary>Evicts a clean page: one CAS, nothing is encoded. Only if the page is to return to the pool, and room is at hand, it is
    /// stored first.</summary>
    private EvictOutcome EvictClean(FrameClass size, long frame, ulong* page, ulong word)
    {
        FrameRecord* record = size.Records + frame;

        // A hint: the record may be another page's by now, in which case the CAS that follows fails.
        if (PoolAdmission.HasRoomFor(swap, record->Wish, size.PageBytes, record)
            && EvictByStoring(size, frame, page, word, StoreLevel.AtHand) == EvictOutcome.Freed)
        {
            size.StoresClean = true;
            return EvictOutcome.Freed;
        }

        // Read before the CAS: if the CAS succeeds, the page has been clean and in this frame without a break, so this was its copy.
        uint stored = Shared.Read(SharedWord.FrameRecord, &record->Stored);
        if (!PageWord.TryEvictClean(page, word, stored, FrameClock.HistoryOf(size, frame)))
        {
            return EvictOutcome.Busy;
        }

        CountIfWasted(record, word);
        Unbind(size, frame);
        size.StoresClean = false;
        counters.Add(Counter.CleanEvictions);
        return EvictOutcome.Freed;
    }

    /// <summary>Stores a page: a dirty one; or a clean one whose copy is in a file or was recompressed, or which is in a file that its
    /// array is mapped from, so that the pool has a fresh copy.</summary>
    private EvictOutcome EvictByStoring(FrameClass size, long frame, ulong* page, ulong word, StoreLevel level)
    {
        if (!swap.Rundown.TryEnter())
        {
            return EvictOutcome.Unstorable;
        }

        FrameRecord* record = size.Records + frame;
        uint stored = 0;
        bool claimed = false;
        StoreTicket ticket = default;
        try
        {
            ticket = swap.Prepare(size.PageBytes, level, isPublic: false);
            if (ticket.Index == 0)
            {
                return EvictOutcome.Unstorable;
            }

            claimed = PageWord.TryBeginEvict(page, word);
            if (!claimed)
            {
                return EvictOutcome.Busy;
            }

            TestHook.Reach(SharedWord.PageData);
            // Under the claim the record is this page's. The bytes in use may be less than a page, and the ticket has room for a page.
            CompressionPolicy policy = policies[record->Policy];
            StoreTicket used = ticket;
            ticket = default;
            bool isRedundant = (word & PageWord.Dirty) == 0 && PoolAdmission.IsRedundant(swap, record);
            stored = swap.Store(used, size.Address(frame), record->Used, policy, isRedundant);
        }
        finally
        {
            EndEvict(page, word, record, claimed, ticket, stored, FrameClock.HistoryOf(size, frame));
            swap.Rundown.Exit();
        }

        if (stored == 0)
        {
            return EvictOutcome.Unstorable;
        }

        if ((word & PageWord.Dirty) != 0)
        {
            size.ReleaseDirty();
        }

        CountIfWasted(record, word);
        Unbind(size, frame);
        counters.Add(Counter.Evictions);
        return EvictOutcome.Freed;
    }

    /// <summary>Gives an unused ticket back and ends the claim, whatever the outcome.</summary>
    private void EndEvict(ulong* page, ulong word, FrameRecord* record, bool claimed, StoreTicket unused, uint stored, int history)
    {
        swap.Cancel(unused);
        if (claimed)
        {
            bool waiters = stored == 0
                ? PageWord.AbandonEvict(page, word)
                : PageWord.CompleteEvict(page, word, stored, history);
            if (waiters)
            {
                parking.Wake(page);
            }

            // The page's word already names the new copy. Until the frame is given back, both it and the old copy are ours.
            if (stored != 0 && (word & PageWord.Dirty) == 0 && TakeStored(record) is not 0 and uint old)
            {
                swap.Free(old);
            }
        }
    }

    /// <summary>Counts a page that was brought in ahead of demand and has just been evicted untouched. Its frame is still ours.</summary>
    private void CountIfWasted(FrameRecord* record, ulong word)
    {
        if (PrefetchMark.IsWasted(record, word))
        {
            counters.Add(Counter.PrefetchWasted);
        }
    }

    /// <summary>Clears the record of a frame whose page has just been unpublished.</summary>
    private static void Unbind(FrameClass size, long frame)
    {
        FrameRecord* record = size.Records + frame;
        // A reader that has copied from the frame must see the changed word before it can see the frame overwritten: pairs with the read
        // barrier of PageWord.IsUnchanged.
        Fences.AfterInterlocked();
        TestHook.Reach(SharedWord.FrameRecord);
        record->Stored = 0;
        record->Wish = PoolWish.None;
        PrefetchMark.Clear(record);
        Volatile.Write(ref *(nint*)&record->Page, 0);
        FrameClock.Remove(size, frame);
    }
}
