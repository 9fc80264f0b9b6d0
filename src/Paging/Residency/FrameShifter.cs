using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Moves memory between page sizes when their mix shifts. A granule of one size is emptied and given back, and the budget that
/// this frees buys frames of the other size.</summary>
internal sealed unsafe class FrameShifter(FramePool frames, SwapStore swap, Evictor evictor)
{
    /// <summary>Granules that may be tried in vain where frames can come in other ways.</summary>
    private const int MaxGranulesTried = 16;

    /// <summary>The longest sleep of a thread that waits for a budget which shrinks.</summary>
    private const int SleepMilliseconds = 20;

    /// <summary>One thread at a time empties granules, to move their memory or to give it back.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>Whether a class should get memory of another class rather than reclaim its own frames.</summary>
    internal bool WantsFrames(FrameClass size)
    {
        size.Pressure++;
        if (IsStarving(size))
        {
            return true;
        }

        return size.Pressure > (size.Frames >> 2) && FindDonor(size, busier: false, tried: 0) is not null;
    }

    /// <summary>Gets the class a free frame from other classes' memory, if that takes little work.</summary>
    internal bool TryShift(FrameClass size)
    {
        Shortage found = default;
        return TryShiftOnce(size, mayUseFree: true, busier: IsStarving(size), MaxGranulesTried, marks: false, ref found);
    }

    /// <summary>As <see cref="TryShift"/>, but looks at every frame that could be given, of busier classes too, until each was seen pinned
    /// or unstorable and none in flight (rule 8).</summary>
    /// <param name="size">The class that asks.</param>
    /// <param name="marks">Whether the caller will wait for the pins that are found.</param>
    /// <param name="holds">Whether the caller has pages pinned, which a thread that shrinks the budget may be waiting for.</param>
    /// <param name="found">What stood in the way.</param>
    internal bool TryShiftAny(FrameClass size, bool marks, bool holds, ref Shortage found) =>
        TryShiftAny(size, mayUseFree: true, busier: true, marks, holds, ref found);

    /// <summary>Gives the class one more frame from other classes' memory. False when nothing could be emptied.</summary>
    internal bool TryWiden(FrameClass size, bool marks, bool holds, ref Shortage found) =>
        TryShiftAny(size, mayUseFree: false, busier: IsStarving(size), marks, holds, ref found);

    private bool TryShiftAny(FrameClass size, bool mayUseFree, bool busier, bool marks, bool holds, ref Shortage found)
    {
        Spinner spinner = default;
        bool collects = false;
        try
        {
            while (!swap.Rundown.IsClosed)
            {
                // Memory that is collected for one class, granule by granule, must not be taken by another class meanwhile.
                collects |= frames.TryBeginCollecting(size);
                Shortage now = default;
                long settled = frames.Settled.Count;
                if (TryShiftOnce(size, mayUseFree, busier, int.MaxValue, marks, ref now))
                {
                    return true;
                }

                now.HasChanged |= found.HasChanged;
                found = now;
                if (!now.HasClaims || (now.IsShrinking && holds))
                {
                    return false;
                }

                if (now.IsShrinking)
                {
                    // The thread that shrinks it may be waiting for leases to end, for as long as they do.
                    frames.Settled.TryWaitBeyond(settled, SleepMilliseconds);
                }
                else
                {
                    spinner.Once();
                }
            }

            return false;
        }
        finally
        {
            if (collects)
            {
                frames.EndCollecting();
            }
        }
    }

    private bool TryShiftOnce(FrameClass size, bool mayUseFree, bool busier, int max, bool marks, ref Shortage found)
    {
        swap.Room.MakeAtHand();
        int unstorable;
        using (Gate.Enter())
        {
            if (mayUseFree && (size.FreeFrames > 0 || size.TryGrow()))
            {
                return true;
            }

            if (frames.RemainingBytes < 0)
            {
                // The budget shrinks: what comes free is not to be had. That ends.
                found.InFlight++;
                found.IsShrinking = true;
                unstorable = 0;
                return false;
            }

            bool drained = TryDrainOthersUnsynchronized(size, busier, max, marks, ref found, out unstorable);
            if (drained && size.TryGrow())
            {
                return true;
            }

            // The memory is there, but it is being collected for a third class, which may not need it in the end; or another thread has
            // just bought it.
            bool isTaken = frames.RemainingFor(size) < size.PageBytes && (drained || frames.RemainingBytes >= size.PageBytes);
            found.InFlight += isTaken ? 1 : 0;
        }

        // Under the gate no thread waits for a device. If waiting can make room, the failure was not for want of room.
        found.InFlight += max == int.MaxValue && unstorable != 0 && swap.MayWait && swap.HasRoom(unstorable) ? 1 : 0;
        return false;
    }

    /// <summary>Empties granules of other classes until the budget buys a frame.</summary>
    /// <param name="size">The class that asks.</param>
    /// <param name="busier">Whether busier classes have to give, too.</param>
    /// <param name="max">How many granules to try in vain, at most.</param>
    /// <param name="marks">Whether the caller will wait for the pins that are found.</param>
    /// <param name="found">What stood in the way.</param>
    /// <param name="unstorable">The page size in bytes of pages that found no room at hand; 0 when there were none.</param>
    private bool TryDrainOthersUnsynchronized(FrameClass size, bool busier, int max, bool marks, ref Shortage found, out int unstorable)
    {
        unstorable = 0;
        if (!CanDonate(size))
        {
            return false;
        }

        int tried = 0;
        int inVain = 0;
        while (frames.RemainingFor(size) < size.PageBytes && FindDonor(size, busier, tried) is { } donor)
        {
            // Room is asked for once only. After a refusal, only clean and same-filled pages are evicted.
            StoreLevel level = swap.MayWait ? StoreLevel.AtHand : StoreLevel.Normal;
            int granule = int.MaxValue;
            while (inVain < max && frames.RemainingFor(size) < size.PageBytes && (granule = donor.Granules.BeginDrain(Floor(donor), granule)) >= 0)
            {
                Shortage before = found;
                (long first, long end) = donor.Granules.GranuleFrames(granule);
                bool refused = false;
                bool isEmpty;
                try
                {
                    refused = !TryEvictRange(donor, first, end, level, marks, ref found);
                }
                finally
                {
                    isEmpty = donor.Granules.EndDrain(granule);
                }

                if (isEmpty)
                {
                    continue;
                }

                inVain++;
                if (!refused)
                {
                    // A frame of it belongs to a thread that is about to fill it, or has just taken it.
                    found.InFlight++;
                }
                else if (found.OthersUnstorable != before.OthersUnstorable)
                {
                    level = StoreLevel.NoRoom;
                    unstorable = donor.PageBytes;
                }
            }

            tried |= 1 << donor.PageShift;
        }

        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null)
            {
                other.Pressure >>= 1;
            }
        }

        return frames.RemainingFor(size) >= size.PageBytes;
    }

    /// <summary>Evicts the pages in a range of frames, up to the first that cannot be evicted.</summary>
    private bool TryEvictRange(FrameClass donor, long frame, long end, StoreLevel level, bool marks, ref Shortage found)
    {
        for (; frame < end; frame++)
        {
            switch (evictor.Evict(donor, frame, level, spare: false))
            {
                case EvictOutcome.Freed:
                    donor.GiveBack(frame);
                    break;
                case EvictOutcome.Pinned:
                    Evictor.NotePinned(donor, frame, marks, ref found, ref found.OthersPinnedClean, ref found.OthersPinnedDirty);
                    return false;
                case EvictOutcome.Unstorable:
                    found.OthersUnstorable++;
                    return false;
            }
        }

        return true;
    }

    private static bool IsStarving(FrameClass size) => size.Frames < Math.Min(FramePool.MinFrames, size.MaxFrames);

    /// <summary>The class with the fewest faults for its memory. Unless <paramref name="busier"/>, it must have at most half as many as the
    /// class that asks.</summary>
    /// <param name="size">The class that asks.</param>
    /// <param name="busier">Whether a class with more faults will do, too.</param>
    /// <param name="tried">A bit for each class, by its page shift, set if it had nothing to give.</param>
    private FrameClass? FindDonor(FrameClass size, bool busier, int tried)
    {
        FrameClass? donor = null;
        double fewest = busier ? double.MaxValue : FaultsPerFrame(size) / 2;
        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null && other != size && (tried >>> other.PageShift & 1) == 0
                && other.Frames > Floor(other) && FaultsPerFrame(other) < fewest)
            {
                donor = other;
                fewest = FaultsPerFrame(other);
            }
        }

        return donor;
    }

    /// <summary>Whether the other classes have enough above their floors for one frame of this one.</summary>
    private bool CanDonate(FrameClass size)
    {
        long bytes = frames.RemainingBytes;
        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null && other != size)
            {
                bytes += (other.Frames - Floor(other)) << other.PageShift;
            }
        }

        return bytes >= size.PageBytes;
    }

    private static double FaultsPerFrame(FrameClass size) => (double)size.Pressure / Math.Max(1, size.Frames);

    private static long Floor(FrameClass size) => Math.Min(size.KeptClean, size.Frames);
}
