using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Decides whether one more page may be dirty. As long as the pool has room for raw pages, it may. When the pool is full, it may
/// as long as a few frames stay clean, so that every stored page can still be brought in (rule 8).</summary>
internal sealed unsafe class DirtyLimit(FramePool frames, SwapStore swap, Evictor evictor, FrameShifter shifter, ParkingLot parking)
{
    /// <summary>Counts a page that is about to be dirty.</summary>
    /// <param name="size">The class.</param>
    /// <param name="wait">The caller's wait, which says whether it waits for leases to end.</param>
    /// <param name="shortage">The reason, when it may not be dirty.</param>
    /// <returns>False when only the frames kept clean are left, no dirty page can be evicted, and none is being evicted.</returns>
    internal bool TryReserve(FrameClass size, in LeaseWait wait, ref Shortage shortage)
    {
        // Asking the pool costs more than counting, and hardly ever matters.
        return size.TryReserveDirty(Capacity(size), force: false)
            || (!wait.IsAtHand && TryReserveSlow(size, wait.Marks, wait.IsHolding, ref shortage));
    }

    /// <summary>Makes clean pages dirty that are pinned, as far as frames may be dirty, and drops their stored copies, which take pool
    /// space.</summary>
    /// <param name="size">The class.</param>
    /// <param name="max">Copies to drop, at most.</param>
    /// <param name="mayBeUnpinned">Whether pages without pins count too, which could be evicted instead.</param>
    /// <returns>True when any copy was dropped.</returns>
    /// <remarks>A copy that other arrays share takes as much space without this reference, and the page then takes more. So such copies are
    /// dropped when there are no others: with the last reference the space is there.</remarks>
    internal bool DropCopies(FrameClass size, int max, bool mayBeUnpinned = false) =>
        DropCopies(size, max, mayBeUnpinned, shared: false) || DropCopies(size, max, mayBeUnpinned, shared: true);

    private bool DropCopies(FrameClass size, int max, bool mayBeUnpinned, bool shared)
    {
        bool any = false;
        for (long frame = size.FirstFrame; frame < size.End && max > 0; frame++)
        {
            FrameRecord* record = size.Records + frame;
            ulong* page = FrameRecord.LoadPage(record);
            uint copy = Volatile.Read(ref record->Stored);
            if (page == null || copy == 0 || (!shared && swap.Descriptors.IsShared(copy)))
            {
                continue;
            }

            ulong word = PageWord.Load(page);
            if (!PageWord.IsResident(word) || PageWord.Offset(word) != size.OffsetOf(frame) || (word & PageWord.Dirty) != 0)
            {
                continue;
            }

            if (!size.TryReserveDirty(Capacity(size), force: false))
            {
                return any;
            }

            uint stored = 0;
            bool isDropped = PageWord.Pins(word) == 0
                ? mayBeUnpinned && TryDropUnpinned(record, page, word, out stored)
                : TryDropPinned(record, page, word, out stored);
            if (!isDropped)
            {
                size.ReleaseDirty();
            }
            else if (stored != 0)
            {
                any = true;
                max--;
            }
        }

        return any;
    }

    /// <summary>Resident and clean, with pins → the same, and dirty. The pin that is added keeps the record with the page.</summary>
    private bool TryDropPinned(FrameRecord* record, ulong* page, ulong word, out uint stored)
    {
        stored = 0;
        if (PageWord.Pins(word) >= PageWord.MaxPins - 1 || !PageWord.TryPin(page, word, PageWord.Dirty))
        {
            return false;
        }

        stored = Free(record);

        // Last, since Dispose waits for this pin, and for nothing else of ours.
        PageWord.Unpin(page);
        return true;
    }

    /// <summary>Resident and clean, without pins → the same, and dirty, by way of a claim: Dispose takes a pin for a lease, and waits for a
    /// claim.</summary>
    private bool TryDropUnpinned(FrameRecord* record, ulong* page, ulong word, out uint stored)
    {
        stored = 0;
        if (!PageWord.TryBeginEvict(page, word))
        {
            return false;
        }

        stored = Free(record);
        if (PageWord.AbandonEvict(page, word | PageWord.Dirty))
        {
            parking.Wake(page);
        }

        return true;
    }

    private uint Free(FrameRecord* record)
    {
        uint stored = Evictor.TakeStored(record);
        if (stored != 0)
        {
            swap.Free(stored);
        }

        return stored;
    }

    private bool TryReserveSlow(FrameClass size, bool marks, bool holds, ref Shortage shortage)
    {
        Spinner spinner = default;
        while (!swap.Rundown.IsClosed)
        {
            shortage = new Shortage { IsDirtyLimit = true };
            if (size.TryReserveDirty(Capacity(size), force: false))
            {
                return true;
            }

            if (swap.HasRoom(size.PageBytes))
            {
                return size.TryReserveDirty(Capacity(size), force: true);
            }

            if (!shifter.TryWiden(size, marks, holds, ref shortage) && !TryCleanOne(size, out bool settled))
            {
                if (settled)
                {
                    shortage.IsDirtyLimit = true;
                    return false;
                }

                spinner.Once();
            }
        }

        return false;
    }

    /// <summary>Frames that the class has, and those that the rest of the budget would buy.</summary>
    private long Capacity(FrameClass size) => size.Frames + (Math.Max(0, frames.RemainingFor(size)) >> size.PageShift);

    /// <summary>Evicts one dirty page that takes no room in the pool: a same-filled one.</summary>
    /// <param name="size">The class.</param>
    /// <param name="settled">Whether as many dirty pages were seen as there may be, and none of them was about to become clean. Otherwise it
    /// is worth trying again: another thread has counted a page that it is about to make dirty, maybe the very one that the caller
    /// wants.</param>
    private bool TryCleanOne(FrameClass size, out bool settled)
    {
        settled = false;
        long dirty = 0;
        bool anyClaimed = false;
        for (long frame = size.FirstFrame; frame < size.End; frame++)
        {
            EvictOutcome outcome = evictor.Evict(size, frame, StoreLevel.NoRoom, spare: false, dirtyOnly: true);
            if (outcome == EvictOutcome.Freed)
            {
                size.GiveBack(frame);
                return true;
            }

            // A page that another thread has claimed may be on its way to being clean; a free frame is not.
            ulong word = WordOf(size, frame);
            anyClaimed |= outcome == EvictOutcome.Busy && PageWord.IsClaimed(word);
            dirty += PageWord.IsResident(word) && (word & PageWord.Dirty) != 0 && PageWord.Offset(word) == size.OffsetOf(frame) ? 1 : 0;
        }

        settled = !anyClaimed && dirty >= Capacity(size) - size.KeptClean;
        return false;
    }

    /// <summary>The word of the page that a frame's record names; an untouched one if it names none.</summary>
    private static ulong WordOf(FrameClass size, long frame)
    {
        ulong* page = FrameRecord.LoadPage(size.Records + frame);
        return page == null ? 0 : PageWord.Load(page);
    }
}
