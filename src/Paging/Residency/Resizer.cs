using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Changes the budgets of a live pager. One thread at a time; all others go on meanwhile.</summary>
/// <remarks>
/// Each budget has a limit beside it, which says what may be committed from now on. To shrink, the limit is lowered first, so that what
/// comes free is not committed again; then memory is given back until no more is committed than the limit allows; then the budget is
/// lowered. If that is impossible, the limit is raised again, and all is as it was, except that pages may have moved. So at no time is more
/// committed than the budget says. Giving memory back is the work of <see cref="FrameShrinker"/> and <see cref="PoolShrinker"/>.
/// <code>
///   budget = limit ──lower the limit──▶ limit &lt; budget ──committed ≤ limit──▶ lower the budget: budget = limit
///                                            └──cannot hold──▶ raise the limit: budget = limit
/// </code>
/// An access that finds no room while the budgets move is not refused before that has ended (<see cref="TryAwait"/>).
/// </remarks>
internal sealed class Resizer(PagingDomain domain, FrameShrinker frameShrinker, PoolShrinker poolShrinker)
{
    /// <summary>The longest sleep of an access that waits for the budgets to settle.</summary>
    private const int SleepMilliseconds = 20;

    private readonly EventCount _ends = new();

    private long _sets;

    /// <summary>0 → 1 by CAS, by the thread that changes the budgets; back by that thread.</summary>
    private int _busy;

    /// <summary>What one access has seen of budgets that move, or of files that are removed.</summary>
    internal struct Seen
    {
        /// <summary>After so many changes an access is refused all the same: changes all the time are no reason to go on for ever.</summary>
        private const int MaxChanges = 4;

        private long _ends;
        private int _changes;

        /// <summary>Whether a change has ended since the access last tried. At the first try that may be long ago.</summary>
        /// <param name="ends">How many have ended.</param>
        internal bool TryNote(long ends)
        {
            bool hasChanged = ends != _ends && _changes < MaxChanges;
            _ends = ends;
            _changes++;
            return hasChanged;
        }
    }

    private FramePool Frames => domain.Frames;

    private SwapStore Swap => domain.Swap;

    private PoolBudget Pool => domain.Swap.Budget;

    /// <summary>How often the program has set budgets. Changed by the thread that changes them.</summary>
    internal long Sets => Volatile.Read(ref _sets);

    /// <summary>Sets both budgets, or throws and changes nothing.</summary>
    internal void Resize(long residentBytes, long poolBytes)
    {
        DroppedArrays.Attempt dropped = default;
        bool goOn = true;
        while (!TryResize(residentBytes, poolBytes, goOn))
        {
            goOn = domain.Dropped.TryCollect(ref dropped, own: 0);
        }
    }

    /// <summary>Moves the budgets as near to new ones as can be without much ado: what cannot be given up stays, and the budget with it.
    /// For the background: it waits for no lease and no claim, and refuses nothing. While another thread changes the budgets it does
    /// nothing.</summary>
    /// <param name="residentBytes">The frames' budget.</param>
    /// <param name="poolBytes">The pool's budget.</param>
    /// <param name="sets">How often the program had set budgets (<see cref="Sets"/>) when the caller decided: where it has again, this does
    /// nothing.</param>
    internal void Approach(long residentBytes, long poolBytes, long sets)
    {
        if (residentBytes == Frames.BudgetBytes && poolBytes == Pool.Bytes)
        {
            return;
        }

        using Rundown.Scope inside = Swap.Rundown.Hold();
        if (!inside.IsInside || Shared.CompareExchange(SharedWord.Counter, ref _busy, 1, 0) != 0)
        {
            return;
        }

        try
        {
            if (Sets == sets)
            {
                frameShrinker.Approach(residentBytes);
                poolShrinker.Approach(poolBytes);
                domain.Pressure.SetBudgets(Frames.BudgetBytes + Pool.Bytes);
                NoteChange();
            }
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>Waits while the budgets are being changed, for a thread that is about to be refused. It holds nothing.</summary>
    /// <param name="seen">The access's own, empty at first.</param>
    /// <returns>Whether to try again.</returns>
    internal bool TryAwait(ref Seen seen)
    {
        long ends = _ends.Count;
        if (Shared.Read(SharedWord.Counter, ref _busy) != 0)
        {
            _ends.TryWaitBeyond(ends, SleepMilliseconds);
            return true;
        }

        return seen.TryNote(_ends.Count);
    }

    /// <returns>False when it cannot be, and <paramref name="goOn"/> says that the caller tries again.</returns>
    private bool TryResize(long residentBytes, long poolBytes, bool goOn)
    {
        using DomainScope held = domain.Enter();
        TakeTurn();
        try
        {
            Check(residentBytes, poolBytes);
            if (TrySet(residentBytes, poolBytes, out Shortage found))
            {
                return true;
            }

            // Either Dispose has begun meanwhile, or it really cannot be.
            domain.ThrowIfClosed();
            if (!goOn)
            {
                ThrowHelper.ThrowCannotShrink(domain, residentBytes, poolBytes, found);
            }

            return false;
        }
        finally
        {
            EndTurn();
        }
    }

    private void TakeTurn()
    {
        while (true)
        {
            long ends = _ends.Count;
            if (Shared.CompareExchange(SharedWord.Counter, ref _busy, 1, 0) == 0)
            {
                return;
            }

            _ends.WaitBeyond(ends);
        }
    }

    private void EndTurn()
    {
        // First counted, then seen: whoever does not see the change any more sees the count. Then whoever sleeps is woken.
        _ends.Signal();
        Shared.Write(SharedWord.Counter, ref _busy, 0);
        _ends.Signal();
    }

    private bool TrySet(long residentBytes, long poolBytes, out Shortage found)
    {
        (long resident, long pool) = (Frames.BudgetBytes, Pool.Bytes);
        bool done = false;
        found = default;
        try
        {
            done = frameShrinker.TryShrink(residentBytes, out found);
            if (!done && poolBytes > pool && found.IsPoolFull)
            {
                // What is in the frames has to go to the pool, which is to grow.
                Pool.SetBudget(poolBytes);
                done = frameShrinker.TryShrink(residentBytes, out found);
            }

            done = done && poolShrinker.TryShrink(poolBytes, ref found);
            if (done)
            {
                Set(residentBytes, poolBytes);
            }
        }
        finally
        {
            if (!done)
            {
                Undo(resident, pool);
            }
        }

        return done;
    }

    /// <summary>Makes the budgets what they were. If the pool had grown already, so that frames could shrink, what was stored meanwhile may
    /// not fit any more: then its budget stays as much larger as that takes.</summary>
    private void Undo(long resident, long pool)
    {
        Frames.SetLimit(resident);
        Shortage none = default;
        bool holds = Pool.Bytes <= pool || poolShrinker.TryShrink(pool, ref none);
        Pool.SetBudget(holds ? pool : Math.Max(pool, Pool.CommittedBytes));
    }

    private void Set(long resident, long pool)
    {
        Frames.SetBudget(resident);
        Pool.SetBudget(pool);
        domain.Pressure.SetBudgets(resident + pool);
        domain.Follower?.SetCeilings(resident, pool);

        // Behind the ceilings: who reads the number and then decides has seen them.
        Volatile.Write(ref _sets, _sets + 1);
        NoteChange();
    }

    private void NoteChange() => PagingEvents.NoteBudgetsChanged(domain.Name, Frames.BudgetBytes, Pool.Bytes);

    private void Check(long residentBytes, long poolBytes)
    {
        if (residentBytes > Frames.ReservedBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(residentBytes),
                residentBytes,
                $"ResidentBytes = {residentBytes:N0} is more than {Frames.ReservedBytes:N0}, for which this pager has addresses: "
                    + $"{FramePool.MaxGrowth} times what it was made with ({domain.Options.ResidentBytes:N0}), {FramePool.MaxBudgetBytes:N0} "
                    + "at most, and less where the system had no more (ulimit -v). Make a pager with more ResidentBytes, and resize it down.");
        }

        if (poolBytes > Pool.ReservedBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(poolBytes),
                poolBytes,
                $"PoolBytes = {poolBytes:N0} is more than {Pool.ReservedBytes:N0}, for which this pager has addresses: "
                    + $"{PoolBudget.MaxGrowth} times what it was made with ({domain.Options.PoolBytes:N0}), {PoolBudget.MaxBytes:N0} "
                    + "at most, and less where the system had no more (ulimit -v). Make a pager with more PoolBytes, and resize it down.");
        }

        long min = Swap.MinPoolBytes;
        if (poolBytes < min)
        {
            throw new ArgumentOutOfRangeException(
                nameof(poolBytes),
                poolBytes,
                $"PoolBytes = {poolBytes:N0} is less than {min:N0}, the least for the segments that this pager was made with: "
                    + $"{LogGeometry.MinSegmentsLeft} of {Swap.MaxSegmentBytes:N0} bytes, and what each length of segment holds back.");
        }
    }
}
