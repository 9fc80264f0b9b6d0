using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Direct reclaim: what a faulting thread does when no frame is free.</summary>
internal sealed unsafe partial class Reclaimer
{
    /// <param name="size">The page size.</param>
    /// <param name="dirties">Whether the page will be dirty.</param>
    /// <param name="marks">Whether the caller will wait for the pins that it finds.</param>
    /// <param name="shortage">What was found instead of a frame.</param>
    private long TakeByReclaim(FrameClass size, bool dirties, bool marks, ref Shortage shortage)
    {
        Spinner spinner = default;
        while (true)
        {
            long frame = size.TakeFree();
            if (frame >= 0 || swap.Rundown.IsClosed)
            {
                return frame;
            }

            if (size.TryGrow())
            {
                continue;
            }

            if (WantsFrames(size) && TryShift(size))
            {
                continue;
            }

            frame = TurnClock(size);
            if (frame >= 0)
            {
                return frame;
            }

            // The hand is shared, so a turn of it proves nothing: look at every frame (rule 8).
            Shortage own = default;
            frame = SweepAll(size, StoreLevel.Normal, marks, ref own);
            if (frame >= 0)
            {
                return frame;
            }

            if (HasClaims(own))
            {
                spinner.Once();
                continue;
            }

            // And at every frame of the other sizes.
            shortage = default;
            if (TryShiftAny(size, marks, ref shortage) || DropCopies(size, CopiesAtOnce))
            {
                continue;
            }

            // What a read needs is a frame that stays clean: for that there are segments held back.
            if (!dirties)
            {
                own = new Shortage { HasChanged = own.HasChanged };
                frame = SweepAll(size, StoreLevel.LastResort, marks, ref own);
            }

            shortage.Add(own);
            if (frame >= 0 || !HasClaims(shortage))
            {
                return frame;
            }

            spinner.Once();
        }
    }

    private const int CopiesAtOnce = 8;

    /// <summary>Up to two turns: the first may only clear reference bits.</summary>
    private long TurnClock(FrameClass size)
    {
        long steps = 2 * (size.End - size.FirstFrame);
        int unstorable = 0;
        StoreLevel level = StoreLevel.Normal;
        for (long i = 0; i < steps; i++)
        {
            long frame = size.NextHand();
            EvictOutcome outcome = Evict(size, frame, level, spare: true);
            if (outcome == EvictOutcome.Freed)
            {
                PrefetchVictim(size, frame + 1);
                return frame;
            }

            // A full pool is not asked again for every dirty page in the hand's way; clean and same-filled ones are left to find.
            if (outcome == EvictOutcome.Unstorable)
            {
                level = StoreLevel.NoRoom;
                if (++unstorable > MostRefusals)
                {
                    return -1;
                }
            }
        }

        return -1;
    }

    private const int MostRefusals = 64;

    /// <summary>Asks the processor for the word of the page that the hand comes to next: the one cold miss of a clean eviction.</summary>
    private static void PrefetchVictim(FrameClass size, long frame)
    {
        if (Sse.IsSupported && frame < size.End)
        {
            // A null or stale pointer is as good as any: a prefetch does not fault.
            Sse.Prefetch0(size.Records[frame].Page);
            byte* memory = size.Address(frame);
            int length = Math.Min(size.PageBytes, 4096);
            for (int i = 0; i < length; i += 64)
            {
                Sse.Prefetch1(memory + i);
            }
        }
    }

    /// <summary>Looks at every frame of the class once, without regard to reference bits.</summary>
    private long SweepAll(FrameClass size, StoreLevel level, bool marks, ref Shortage found)
    {
        for (long frame = size.FirstFrame; frame < size.End; frame++)
        {
            switch (Evict(size, frame, level, spare: false))
            {
                case EvictOutcome.Freed:
                    return frame;
                case EvictOutcome.Pinned:
                    NotePinned(size, frame, marks, ref found, ref found.PinnedClean, ref found.PinnedDirty);
                    break;
                case EvictOutcome.Busy when size.HasMemory(frame):
                    found.InFlight++;
                    break;
                case EvictOutcome.Unstorable:
                    level = StoreLevel.NoRoom;
                    found.Unstorable++;
                    break;
            }
        }

        // Room that came free behind our back counts as work in flight: the pages passed over could be stored after all.
        found.InFlight += found.Unstorable != 0 && swap.HasRoom(size.PageBytes) ? 1 : 0;
        return -1;
    }

    /// <summary>Counts a frame that was seen pinned, and asks to be woken when a pin on its page is given back.</summary>
    private static void NotePinned(FrameClass size, long frame, bool marks, ref Shortage found, ref long clean, ref long dirty)
    {
        ulong* page = (ulong*)Volatile.Read(ref *(nint*)&size.Records[frame].Page);
        ulong word = page == null ? 0 : PageWord.Load(page);
        bool isNew = false;
        if (!PageWord.IsResident(word) || PageWord.Offset(word) != size.OffsetOf(frame) || PageWord.Pins(word) == 0
            || (marks && !PageWord.TryAwaitUnpin(page, word, out isNew)))
        {
            // Given back since.
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
}
