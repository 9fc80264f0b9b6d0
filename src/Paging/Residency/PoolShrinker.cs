using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Gives memory of the pool back while more is committed than may be. The limit is lowered in steps, so that stores find room in
/// between.</summary>
/// <remarks>One thread at a time.</remarks>
internal sealed class PoolShrinker(PagingDomain domain, FrameShrinker frames)
{
    /// <summary>The limit is lowered by such a part of what is committed at a time, as a shift.</summary>
    private const int StepShift = 5;

    /// <summary>Stored copies that are dropped in one go, at most: so many, or such a part of the frames, as a shift, since each go looks
    /// at all frames.</summary>
    private const int CopiesAtOnce = 256;
    private const int CopiesShift = 4;

    /// <summary>Steps when the budget is only approached, at most.</summary>
    private const int MaxPasses = 8;

    /// <summary>How often it looks again when nothing came free: readers may be about to leave segments.</summary>
    private const int MaxLooks = 64;

    private PoolBudget Pool => domain.Swap.Budget;

    private SwapStore Swap => domain.Swap;

    /// <summary>Lowers the limit step by step, until it is the target and holds.</summary>
    /// <param name="target">The new budget. If it is no smaller than the present limit, nothing is done.</param>
    /// <param name="found">What stood in the way.</param>
    /// <returns>False when it does not hold; then the limit is the caller's to raise.</returns>
    internal bool TryShrink(long target, ref Shortage found)
    {
        if (target >= Pool.LimitBytes)
        {
            return true;
        }

        // Without files, what lives has to fit. Better to know that before everything has been moved about.
        long least = long.MaxValue;
        int looks = 0;
        while (!Swap.MayWait && Pool.LiveBytes is long live && live > target)
        {
            // Other threads may store as fast as copies are dropped.
            looks = live < least ? 0 : looks + 1;
            least = Math.Min(least, live);
            if (looks > MaxLooks || Swap.Rundown.IsClosed || !TryDropCopies())
            {
                found.OthersUnstorable++;
                return false;
            }
        }

        bool isLast = false;
        while (!isLast)
        {
            long limit = NextLimit(target);
            Pool.SetLimit(limit);
            if (!TryHold())
            {
                found.OthersUnstorable++;
                return false;
            }

            isLast = limit == target;
        }

        return frames.LeavesEnoughClean(ref found);
    }

    /// <summary>Sets the budget, or moves it as near to less as can be without waiting for leases or claims. A pager that is closed does not
    /// wait for the devices.</summary>
    internal void Approach(long target)
    {
        long before = Pool.Bytes;
        long reached = Math.Max(target, before);
        try
        {
            for (int pass = 0; pass < MaxPasses && target < reached && !domain.IsClosed; pass++)
            {
                long limit = NextLimit(target);

                // A pool without files keeps room for a page more than it has.
                if (!Swap.MayWait && !Pool.Admits(limit, domain.Options.PageBytes))
                {
                    break;
                }

                Pool.SetLimit(limit);
                while (Pool.IsOver && !domain.IsClosed && Swap.Room.TryGiveBack())
                {
                }

                reached = Math.Min(before, Math.Max(limit, Pool.CommittedBytes));
                if (Pool.IsOver)
                {
                    break;
                }
            }
        }
        finally
        {
            Pool.SetBudget(Math.Max(reached, Pool.CommittedBytes));
        }
    }

    private long NextLimit(long target)
    {
        long step = Math.Max(Pool.CommittedBytes >> StepShift, 2L * Swap.MaxSegmentBytes);
        return Math.Max(target, Math.Min(Pool.LimitBytes, Pool.CommittedBytes) - step);
    }

    private bool TryHold()
    {
        Spinner spinner = default;
        int looks = 0;
        while (Pool.IsOver)
        {
            if (Swap.Rundown.IsClosed)
            {
                return false;
            }

            if (Swap.Room.TryGiveBack() || TryDropCopies())
            {
                looks = 0;
                continue;
            }

            if (looks++ == MaxLooks)
            {
                return false;
            }

            spinner.Once();
        }

        return true;
    }

    /// <summary>Drops stored copies of pages that are in frames.</summary>
    private bool TryDropCopies()
    {
        bool any = false;
        foreach (FrameClass? size in domain.Frames.Classes)
        {
            any |= size is not null
                && domain.DirtyLimit.DropCopies(size, (int)Math.Max(CopiesAtOnce, size.Frames >> CopiesShift), mayBeUnpinned: true);
        }

        return any;
    }
}
