using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Takes frames out of use while more of them have memory than may. Evicts what is in them, and gives their memory back.</summary>
/// <remarks>One thread at a time shrinks frames or shifts them between page sizes, under the shifting gate; in pieces, so that a fault that
/// needs a shift waits for one piece. Each page size gives as much as it has of all frames, down to the few that stay clean.</remarks>
internal sealed unsafe class FrameShrinker(PagingDomain domain, FrameShifter shifter)
{
    /// <summary>Frames that are given back in one go, at most, unless a granule has more.</summary>
    private const int MaxAtOnce = 256;

    /// <summary>Free frames that are looked for in one go, at most.</summary>
    private const int MaxFreeAtOnce = 64 << 10;

    /// <summary>Looks at all frames when the budget is only approached, at most.</summary>
    private const int MaxPasses = 8;

    /// <summary>How often there may seem to be room without a frame that comes free. Where pool and files are all but full, what looks like
    /// room can be others', again and again, and every fault waits for the budgets to settle.</summary>
    private const int MaxLooks = 64;

    /// <summary>It gives up when only leases are in the way, and none has ended for so long.</summary>
    private static readonly TimeSpan s_maxWait = TimeSpan.FromSeconds(1);

    private readonly FramePool _frames = domain.Frames;
    private readonly SwapStore _swap = domain.Swap;
    private readonly Evictor _evictor = domain.Evictor;
    private readonly DirtyLimit _dirtyLimit = domain.DirtyLimit;

    /// <summary>Lowers the limit, and makes it hold.</summary>
    /// <param name="residentBytes">The new budget. If it is no smaller than the present one, nothing is done.</param>
    /// <param name="found">What stood in the way.</param>
    /// <returns>False when it does not hold; then the limit is the caller's to raise.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is too little for an array that there is.</exception>
    internal bool TryShrink(long residentBytes, out Shortage found)
    {
        found = default;
        if (residentBytes >= _frames.BudgetBytes)
        {
            return true;
        }

        // Before the look at the arrays: one that is made after that look sees the limit.
        _frames.SetLimit(residentBytes);
        int page = domain.Regions.LargestPageBytes;
        if (residentBytes / Math.Max(1, page) < FramePool.MinFrames && page != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(residentBytes),
                residentBytes,
                $"ResidentBytes = {residentBytes:N0} holds {residentBytes / page:N0} pages of {page:N0} bytes, of which there are arrays; at least "
                    + $"{FramePool.MinFrames} are needed, {(long)FramePool.MinFrames * page:N0} bytes.");
        }

        return TryHold(out found);
    }

    /// <summary>Sets the budget, or moves it as near to less as can be without much ado.</summary>
    internal void Approach(long target)
    {
        long before = _frames.BudgetBytes;
        bool done = target >= before;
        try
        {
            if (!done)
            {
                // Before the look at the arrays: one that is made after that look sees the limit.
                _frames.SetLimit(target);
                target = Math.Min(before, Math.Max(target, (long)FramePool.MinFrames * domain.Regions.LargestPageBytes));
                _frames.SetLimit(target);
                Shortage found = default;
                for (int pass = 0; pass < MaxPasses && _frames.RemainingBytes < 0 && TryPass(marks: false, ref found); pass++)
                {
                }

                target = Math.Max(target, _frames.CommittedBytes);
                done = LeavesEnoughClean(ref found);
            }
        }
        finally
        {
            _frames.SetBudget(done ? target : before);
        }
    }

    /// <summary>Makes the frames' limit hold. Waits for claims, for devices, and for leases as long as any end.</summary>
    /// <param name="found">What stood in the way.</param>
    /// <returns>False when every frame that could be given up was seen pinned or unstorable, with none in flight; or when the pager is being
    /// disposed.</returns>
    private bool TryHold(out Shortage found)
    {
        Spinner spinner = default;
        int looks = 0;
        found = default;
        long since = domain.Tuning.Time.GetTimestamp();
        while (_frames.RemainingBytes < 0)
        {
            if (_swap.Rundown.IsClosed)
            {
                return false;
            }

            // Read before the frames are looked at, so that a lease that ends after that look still ends the sleep.
            long seen = LeaseEnds.Count;
            bool mayWait = !domain.HoldsLeases;
            if (TryPass(mayWait, ref found))
            {
                looks = 0;
                since = domain.Tuning.Time.GetTimestamp();
            }
            else if (looks++ < MaxLooks && (TryMakeRoom(found) || TryDropCopies(found)))
            {
                since = domain.Tuning.Time.GetTimestamp();
            }
            else if (found.HasClaims)
            {
                spinner.Once();
            }
            else if (found.OthersPinned == 0 || !mayWait || !TryAwaitLease(seen, since))
            {
                return false;
            }
        }

        // Faults that could not be given a frame meanwhile need not wait for the pool to shrink, too.
        _frames.Settled.Signal();
        return LeavesEnoughClean(ref found);
    }

    /// <summary>Looks at every frame that could be given up, once, or until the limit holds.</summary>
    /// <param name="marks">Whether the caller will wait for the pins that are found.</param>
    /// <param name="found">What stood in the way.</param>
    /// <returns>Whether any memory was given back.</returns>
    private bool TryPass(bool marks, ref Shortage found)
    {
        found = default;
        bool any = false;
        _swap.Room.MakeAtHand();
        foreach (FrameClass? size in _frames.Classes)
        {
            if (size is not null && Wanted(size) is > 0 and long wanted)
            {
                any |= GiveBackFree(size, wanted) != 0;
                any |= EvictSome(size, Wanted(size), marks, ref found);
            }
        }

        return any;
    }

    /// <summary>Gives back memory of free frames.</summary>
    /// <returns>The number of frames. It may be more than asked for, since memory goes back by whole pages of the system.</returns>
    internal long GiveBackFree(FrameClass size, long max)
    {
        long given = 0;
        int below = int.MaxValue;
        while (given < max && size.FreeFrames > 0)
        {
            using Gate.Scope held = shifter.Gate.Enter();
            (int first, int end) = size.Granules.BeginShrink(below, MaxFreeAtOnce);
            if (first == end)
            {
                break;
            }

            given += size.Granules.EndShrink(first, end, Math.Min(WholeUnits(size, max - given), Spare(size)));
            below = first;
        }

        return given;
    }

    /// <summary>Frames of a class above those that it keeps.</summary>
    private static long Spare(FrameClass size) =>
        Math.Max(0, size.Frames - (size.MaxFrames < FramePool.MinFrames ? 0 : Math.Min(size.KeptClean, size.Frames)));

    /// <summary>Frames whose memory goes back together where the system's pages are larger: of fewer, nothing would come back.</summary>
    private static long WholeUnits(FrameClass size, long frames)
    {
        long unit = size.Granules.FramesInUnit;
        return (frames + unit - 1) / unit * unit;
    }

    /// <summary>The frames that a class is to give of those that are too many.</summary>
    private long Wanted(FrameClass size)
    {
        long over = -_frames.RemainingBytes;
        if (over <= 0)
        {
            return 0;
        }

        Int128 share = (Int128)over * (size.Frames << size.PageShift) / Math.Max(1, _frames.CommittedBytes);
        return Math.Min(Spare(size), ((long)share + size.PageBytes - 1) >> size.PageShift);
    }

    /// <summary>Evicts the pages in the last frames of a class, and gives back the frames that come free.</summary>
    private bool EvictSome(FrameClass size, long wanted, bool marks, ref Shortage found)
    {
        bool any = false;
        int below = int.MaxValue;
        StoreLevel level = _swap.MayWait ? StoreLevel.AtHand : StoreLevel.Normal;
        long most = Math.Max(MaxAtOnce, size.Granules.FramesInGranule);

        // Where waiting for a device makes room, that comes before clean pages are evicted for want of it.
        while (wanted > 0 && !_swap.Rundown.IsClosed && !(any && found.OthersUnstorable != 0 && _swap.MayWait))
        {
            using Gate.Scope held = shifter.Gate.Enter();
            long now = Math.Min(WholeUnits(size, Math.Min(wanted, most)), Spare(size));
            (int first, int end) = now > 0 ? size.Granules.BeginShrink(below, now) : (0, 0);
            if (first == end)
            {
                break;
            }

            long given = 0;
            try
            {
                EvictRange(size, size.Granules.FramesOf(first, end), now, ref level, marks, ref found);
            }
            finally
            {
                given = size.Granules.EndShrink(first, end, now);
            }

            wanted -= given;
            any |= given != 0;

            // A granule that gave all that was wanted may have more.
            below = given >= now ? end : first;
        }

        return any;
    }

    private void EvictRange(
        FrameClass size, (long First, long End) range, long wanted, ref StoreLevel level, bool marks, ref Shortage found)
    {
        for (long frame = range.End - 1; frame >= range.First && size.Granules.AsideFrames < wanted; frame--)
        {
            switch (_evictor.Evict(size, frame, level, spare: false))
            {
                case EvictOutcome.Freed:
                    size.GiveBack(frame);
                    break;
                case EvictOutcome.Pinned:
                    Evictor.NotePinned(size, frame, marks, ref found, ref found.OthersPinnedClean, ref found.OthersPinnedDirty);
                    break;
                case EvictOutcome.Busy when size.HasMemory(frame) && !size.Granules.IsAside(frame):
                    found.InFlight++;
                    break;
                case EvictOutcome.Unstorable:
                    level = StoreLevel.NoRoom;
                    found.OthersUnstorable++;
                    break;
            }
        }
    }

    /// <summary>Under the gate no thread waits for a device. If waiting can make room, it is worth looking again.</summary>
    private bool TryMakeRoom(in Shortage found)
    {
        bool any = false;
        foreach (FrameClass? size in _frames.Classes)
        {
            any |= size is not null && found.OthersUnstorable != 0 && _swap.MayWait && size.DirtyFrames > 0 && _swap.HasRoom(size.PageBytes);
        }

        return any;
    }

    private bool TryDropCopies(in Shortage found)
    {
        bool any = false;
        foreach (FrameClass? size in _frames.Classes)
        {
            any |= size is not null && found.OthersUnstorable != 0 && _dirtyLimit.DropCopies(size, MaxAtOnce);
        }

        return any;
    }

    private bool TryAwaitLease(long seen, long since) =>
        LeaseEnds.Wait(seen)
        || (TestSeam.TestHook.Interleaver is null && domain.Tuning.Time.GetElapsedTime(since) < s_maxWait);

    /// <summary>Whether enough frames are left that no write may dirty (rule 8): otherwise what is stored could not be read any more.</summary>
    internal bool LeavesEnoughClean(ref Shortage found)
    {
        foreach (FrameClass? size in _frames.Classes)
        {
            if (size is not null
                && size.DirtyFrames > Math.Max(0, size.Frames - size.KeptClean)
                && !_swap.HasRoom(size.PageBytes)
                && _swap.LogFor(size.PageBytes) is { Chunks.HasReserve: false })
            {
                found.IsDirtyLimit = true;
                return false;
            }
        }

        return true;
    }
}
