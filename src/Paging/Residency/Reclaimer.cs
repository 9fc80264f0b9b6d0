using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Finds frames: free ones, new ones within the budget, or those of pages that it evicts. It runs on the faulting thread when no
/// frame is free, and in the background, in steps, to keep free frames between the watermarks.</summary>
/// <remarks>Which frame is tried next is the policy's choice (<see cref="Replacement"/>). Any thread may ask it.</remarks>
internal sealed unsafe class Reclaimer(
    FramePool frames,
    SwapStore swap,
    FrameClock clock,
    Evictor evictor,
    FrameShifter shifter,
    DirtyLimit dirtyLimit,
    Counters counters,
    TimeProvider time)
{
    /// <summary>Frames that a step of the background looks at, at most.</summary>
    private const int StepLength = 64;

    /// <summary>Stored copies that are dropped in one go, at most.</summary>
    private const int CopiesAtOnce = 8;

    /// <summary>Dirty pages that a turn of the clock passes over, at most, once the pool has refused one.</summary>
    private const int MaxRefusals = 64;

    /// <summary>The largest lead of the background, as a share of the frames.</summary>
    private const int MaxLeadShift = 6;

    /// <summary>Frames that a thread is woken for, at least, where pages are clean.</summary>
    private const int MinFramesWokenFor = 32;

    /// <summary>More dirty pages than this share of the frames, as a shift, are worth a wake-up whatever their number.</summary>
    private const int DirtyShareShift = 3;

    /// <summary>While the background finds enough frames free, the lead shrinks by this part of it, as a shift, in each such time: it halves
    /// within a second.</summary>
    private const int LeadDecayShift = 4;
    private const int LeadDecayMilliseconds = 100;

    /// <summary>Woken when free frames fall below the low watermark; null when faulting threads do all the work.</summary>
    internal WakeSignal? Signal { get; set; }

    /// <summary>Takes a frame for a page that the caller is about to claim. No page refers to the frame any more.</summary>
    /// <param name="size">The page size.</param>
    /// <param name="dirties">Whether the page will be dirty, so that it must not get one of the last clean frames.</param>
    /// <param name="wait">The caller's wait, which says whether it waits for leases to end.</param>
    /// <param name="shortage">The reason, when there is no frame.</param>
    /// <returns>The frame; −1 when every frame was seen pinned or unstorable, with no claim in flight.</returns>
    internal long Take(FrameClass size, bool dirties, in LeaseWait wait, ref Shortage shortage)
    {
        clock.Advance(size);
        long frame = size.TakeFree();
        WakeIfShort(size);
        return frame >= 0 ? frame : TakeByReclaim(size, dirties, wait.Marks, wait.IsHolding, ref shortage);
    }

    /// <summary>As <see cref="Take"/>, for a page that nobody waits for, or a thread that must not wait: free frames, new ones, and what a
    /// look at the clock gives. Nothing that is held back is spent on it, and pages on which nothing can be done are not looked at
    /// again.</summary>
    /// <param name="size">The page size.</param>
    /// <param name="level">How far the eviction of a dirty page may go.</param>
    /// <returns>The frame; −1 when there is none to be had that easily.</returns>
    internal long TakeEasily(FrameClass size, StoreLevel level)
    {
        clock.Advance(size);
        long frame = size.TakeFree();
        WakeIfShort(size);
        while (frame < 0
            && !swap.Rundown.IsClosed
            && (size.TryGrow() || (level == StoreLevel.Normal && shifter.WantsFrames(size) && shifter.TryShift(size))))
        {
            frame = size.TakeFree();
        }

        return frame >= 0 || swap.Rundown.IsClosed ? frame : TryVictims(size, level);
    }

    /// <summary>Does a bounded piece of background work.</summary>
    /// <returns>False when there is nothing to do, or nothing that can succeed now: then wait to be woken.</returns>
    internal bool Step()
    {
        bool any = swap.Room.StepAhead();
        foreach (FrameClass? size in frames.Classes)
        {
            if (size is not null && IsShort(size, High(size)))
            {
                any |= EvictSome(size);
            }
            else if (size is { Lead: > 0 })
            {
                ShrinkLead(size);
            }
        }

        return any;
    }

    /// <summary>Enough frames are free: the lead shrinks by what it loses in the time since it did, or since it grew.</summary>
    private void ShrinkLead(FrameClass size)
    {
        long lead = size.Lead;
        long periods = (long)(time.GetElapsedTime(size.LeadChanged).TotalMilliseconds / LeadDecayMilliseconds);
        if (periods == 0)
        {
            return;
        }

        for (; periods > 0 && lead > 0; periods--)
        {
            lead -= (lead >> LeadDecayShift) + 1;
        }

        size.LeadChanged = time.GetTimestamp();
        size.Lead = Math.Max(0, lead);
    }

    /// <summary>Free frames at which the background stops: few, since they hold nothing, and each one is a page less that could be a hit. It
    /// is a sixty-fourth of the frames that the class can have, and up to as much again for a while when that was too few.</summary>
    internal static long High(FrameClass size) => MinHigh(size) + size.Lead;

    private static long MinHigh(FrameClass size) => Math.Clamp(size.MaxFrames >> 6, 1, 256);

    /// <summary>Free frames below which the background starts.</summary>
    internal static long Low(FrameClass size) => (High(size) + 1) >> 1;

    private bool IsShort(FrameClass size, long watermark) =>
        size.FreeFrames < watermark && size.Frames > 0 && frames.RemainingBytes < size.PageBytes;

    /// <summary>Wakes the background where few frames are left: one that naps only where it would be back later by itself. A few faults that
    /// free a frame themselves meanwhile cost less than one that wakes a thread.</summary>
    private void WakeIfShort(FrameClass size)
    {
        if (Signal is { } signal && IsShort(size, Low(size)) && IsWorthWaking(size)
            && (!signal.HasNapper || (IsShort(size, Math.Max(1, Low(size) / 2)) && !signal.IsBackSoon)))
        {
            signal.Wake();
        }
    }

    /// <summary>Of the frames that may be taken between two looks of the background, the share that has been since the last call: of the class
    /// with the greatest. By one thread; a frame that another one frees meanwhile may not be counted.</summary>
    /// <remarks>That is half of those kept free: a nap that lasts too long then still leaves some, and at a quarter faults end it,
    /// unless it is about to end.</remarks>
    internal double TakeShareUsed()
    {
        double share = 0;
        foreach (FrameClass? size in frames.Classes)
        {
            if (size is { FreedAhead: > 0 and long freed })
            {
                size.FreedAhead = 0;
                share = IsWorthWaking(size) ? Math.Max(share, 2.0 * freed / High(size)) : share;
            }
        }

        return share;
    }

    /// <summary>Waking a thread is a system call of some microseconds, evicting a clean page a tenth of one. So a thread is woken for many
    /// frames at a time, or for pages that have to be encoded.</summary>
    private static bool IsWorthWaking(FrameClass size) =>
        Low(size) >= MinFramesWokenFor || size.StoresClean || size.DirtyFrames > size.Frames >> DirtyShareShift;

    private bool EvictSome(FrameClass size)
    {
        bool any = false;
        int freed = 0;
        StoreLevel level = StoreLevel.Normal;
        long frame;
        for (long i = 0; i < StepLength && IsShort(size, High(size)) && (frame = FrameClock.NextVictim(size)) >= 0; i++)
        {
            EvictOutcome outcome = evictor.Evict(size, frame, level, spare: true);
            if (outcome == EvictOutcome.Freed)
            {
                size.GiveBack(frame);
                freed++;
            }

            if (outcome == EvictOutcome.Unstorable)
            {
                level = StoreLevel.NoRoom;
            }

            // A cleared reference bit is progress too: the next turn finds the page without it.
            any |= outcome is EvictOutcome.Freed or EvictOutcome.SecondChance;
        }

        size.FreedAhead += freed;
        return any;
    }

    /// <summary>Takes a frame by evicting a page. Looks at every frame that could serve before it gives up (rule 8).</summary>
    /// <param name="size">The page size.</param>
    /// <param name="dirties">Whether the page will be dirty.</param>
    /// <param name="marks">Whether the caller will wait for the pins that are found.</param>
    /// <param name="holds">Whether the caller has pages pinned, so that it must not wait for a budget that shrinks.</param>
    /// <param name="shortage">What was found instead of a frame.</param>
    private long TakeByReclaim(FrameClass size, bool dirties, bool marks, bool holds, ref Shortage shortage)
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

            if (shifter.WantsFrames(size) && shifter.TryShift(size))
            {
                continue;
            }

            frame = TryVictims(size, StoreLevel.Normal);
            if (frame >= 0)
            {
                return CountDirect(size, frame);
            }

            // The hand is shared, so a turn of it proves nothing: look at every frame (rule 8).
            Shortage own = default;
            frame = SweepAll(size, StoreLevel.Normal, marks, ref own);
            if (frame >= 0)
            {
                return CountDirect(size, frame);
            }

            if (own.HasClaims)
            {
                spinner.Once();
                continue;
            }

            // Then look at every frame of the other sizes, too.
            shortage = default;
            if (shifter.TryShiftAny(size, marks, holds, ref shortage) || dirtyLimit.DropCopies(size, CopiesAtOnce))
            {
                continue;
            }

            if (holds && shortage.IsShrinking)
            {
                // Whoever shrinks the budget may be waiting for the caller's own pins.
                return -1;
            }

            // A read needs a frame that stays clean. Segments are held back so that one can be made free.
            if (!dirties)
            {
                own = new Shortage { HasChanged = own.HasChanged };
                frame = SweepAll(size, StoreLevel.LastResort, marks, ref own);
            }

            shortage.Add(own);
            if (frame >= 0 || !shortage.HasClaims)
            {
                return CountDirect(size, frame);
            }

            spinner.Once();
        }
    }

    /// <summary>Counts a frame that the faulting thread had to free itself. The background, if there is any, has not kept up, and keeps more
    /// free from now on.</summary>
    private long CountDirect(FrameClass size, long frame)
    {
        if (frame >= 0)
        {
            counters.Add(Counter.DirectReclaims);
            if (Signal is not null && IsWorthWaking(size))
            {
                size.Lead = Math.Min((2 * size.Lead) + MinHigh(size), size.Frames >> MaxLeadShift);
                size.LeadChanged = time.GetTimestamp();
            }
        }

        return frame;
    }

    /// <summary>Tries the victims that the policy names; if none of them can go, the hot frames. Each up to two turns: the first may only
    /// clear reference bits.</summary>
    private long TryVictims(FrameClass size, StoreLevel level)
    {
        int refusals = 0;
        for (long i = 2 * Math.Max(1, size.Frames - size.Replacement.HotFrames); i > 0; i--)
        {
            if (TryVictim(size, FrameClock.NextVictim(size), level, ref refusals) is >= 0 and long frame)
            {
                PrefetchVictim(size, FrameClock.LikelyVictim(size));
                return frame;
            }
        }

        for (long i = 2 * size.Replacement.HotFrames; i > 0; i--)
        {
            if (TryVictim(size, FrameClock.NextHot(size), level, ref refusals) is >= 0 and long frame)
            {
                return frame;
            }
        }

        return -1;
    }

    /// <summary>Tries one frame. A full pool is not asked again for every dirty page that is met: clean and same-filled pages can still be
    /// evicted.</summary>
    private long TryVictim(FrameClass size, long frame, StoreLevel level, ref int refusals)
    {
        if (frame < 0 || refusals > MaxRefusals)
        {
            return -1;
        }

        EvictOutcome outcome = evictor.Evict(size, frame, refusals == 0 ? level : StoreLevel.NoRoom, spare: true);
        refusals += outcome == EvictOutcome.Unstorable ? 1 : 0;
        return outcome == EvictOutcome.Freed ? frame : -1;
    }

    /// <summary>Prefetches the word and the beginning of the page that is to go next: the word is the only cold miss of a clean
    /// eviction.</summary>
    private static void PrefetchVictim(FrameClass size, long frame)
    {
        if (Sse.IsSupported && frame >= 0)
        {
            // A null or stale pointer does no harm: a prefetch does not fault.
            Sse.Prefetch0(size.Records[frame].Page);
            byte* memory = size.Address(frame);
            int length = Math.Min(size.PageBytes, 4096);
            for (int i = 0; i < length; i += 64)
            {
                Sse.Prefetch1(memory + i);
            }
        }
    }

    /// <summary>Looks for leases on the pages of all classes, and asks to be woken when one of them ends. The caller has none.</summary>
    /// <param name="size">The class that a frame is wanted of.</param>
    /// <param name="found">The frames that are pinned.</param>
    internal void NotePins(FrameClass size, ref Shortage found)
    {
        foreach (FrameClass? each in frames.Classes)
        {
            if (each is null)
            {
                continue;
            }

            bool isOwn = each == size;
            ref long clean = ref isOwn ? ref found.PinnedClean : ref found.OthersPinnedClean;
            ref long dirty = ref isOwn ? ref found.PinnedDirty : ref found.OthersPinnedDirty;
            for (long frame = each.FirstFrame; frame < each.End; frame++)
            {
                Evictor.NotePinned(each, frame, marks: true, ref found, ref clean, ref dirty);
            }
        }
    }

    /// <summary>Tries every frame of the class once, whatever its reference bit.</summary>
    private long SweepAll(FrameClass size, StoreLevel level, bool marks, ref Shortage found)
    {
        for (long frame = size.FirstFrame; frame < size.End; frame++)
        {
            switch (evictor.Evict(size, frame, level, spare: false))
            {
                case EvictOutcome.Freed:
                    return frame;
                case EvictOutcome.Pinned:
                    Evictor.NotePinned(size, frame, marks, ref found, ref found.PinnedClean, ref found.PinnedDirty);
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

        // If room came free meanwhile, count it as work in flight: the pages that were passed over could be stored after all.
        found.InFlight += found.Unstorable != 0 && swap.HasRoom(size.PageBytes) ? 1 : 0;
        return -1;
    }
}
