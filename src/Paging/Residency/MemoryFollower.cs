using Paging.Memory;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Keeps the budgets between floors and ceilings, by the memory that the container or the system has left. The ceilings are the
/// budgets that the program has set.</summary>
/// <remarks>Steps are taken by one background thread at a time, and by threads that are about to be refused; the gate guards what it has
/// decided. No budget is changed under the gate.</remarks>
internal sealed class MemoryFollower(PagingDomain domain, IMemorySource source, long minResident, long minPool)
{
    internal const int PeriodMilliseconds = 1000;

    private readonly Gate _gate = new();
    private readonly Gate _reading = new();
    private readonly MemoryShare _share = new();
    private long _nextLook = long.MinValue;
    private long _maxResident = domain.Frames.BudgetBytes;
    private long _maxPool = domain.Swap.Budget.Bytes;

    /// <summary>How far the budgets go from floors to ceilings.</summary>
    internal double Share
    {
        get
        {
            using Gate.Scope held = _gate.Enter();
            return _share.Share;
        }
    }

    /// <summary>The budgets that the program has set.</summary>
    internal (long Resident, long Pool) Ceilings
    {
        get
        {
            using Gate.Scope held = _gate.Enter();
            return (_maxResident, _maxPool);
        }
    }

    private long Floor => FloorOf(_maxResident, resident: true) + FloorOf(_maxPool, resident: false);

    /// <summary>The program has set budgets.</summary>
    internal void SetCeilings(long resident, long pool)
    {
        using Gate.Scope held = _gate.Enter();
        (_maxResident, _maxPool) = (resident, pool);
        _share.Reset();
    }

    /// <summary>Looks at the memory, if it is time to, and moves the budgets a step.</summary>
    /// <returns>Milliseconds until the next look.</returns>
    internal int Step()
    {
        // One thread at a time; reading files is not done under the gate that refused accesses take.
        if (!_reading.TryEnter())
        {
            return PeriodMilliseconds;
        }

        try
        {
            long now = domain.Tuning.Time.GetTimestamp();
            long frequency = domain.Tuning.Time.TimestampFrequency;
            if (now < _nextLook)
            {
                return (int)Math.Clamp(((_nextLook - now) * 1000 / frequency) + 1, 1, PeriodMilliseconds);
            }

            _nextLook = now + (PeriodMilliseconds * frequency / 1000);
            if (source.TryRead(out MemoryReading reading))
            {
                long sets = domain.Resizer.Sets;
                (long resident, long pool) = Decide(reading);
                domain.Resizer.Approach(resident, pool, sets);
            }

            return PeriodMilliseconds;
        }
        finally
        {
            _reading.Exit();
        }
    }

    /// <summary>Lets the budgets grow for a program that is about to be refused.</summary>
    /// <returns>False when they are at their ceilings.</returns>
    internal bool TryGrowForNeed()
    {
        (long Resident, long Pool) target;
        long sets = domain.Resizer.Sets;
        using (_gate.Enter())
        {
            bool grows = _share.TryGrowForNeed();
            target = Target();
            if (!grows && target.Resident <= domain.Frames.BudgetBytes && target.Pool <= domain.Swap.Budget.Bytes)
            {
                return false;
            }
        }

        domain.Resizer.Approach(
            Math.Max(target.Resident, domain.Frames.BudgetBytes), Math.Max(target.Pool, domain.Swap.Budget.Bytes), sets);
        return true;
    }

    /// <summary>Lets the budgets grow so far that they hold enough pages of a size, if the ceilings do. While another thread changes them
    /// it waits for that: an array must not be refused for what is lower for a moment.</summary>
    internal void MakeFit(int pageBytes)
    {
        Resizer.Seen seen = default;
        do
        {
            long sets = domain.Resizer.Sets;
            (long resident, long pool) = Ceilings;
            resident = Math.Min(resident, (long)FramePool.MinFrames * pageBytes);
            pool = Math.Min(pool, Swap.LogGeometry.MinPoolBytes(pageBytes));
            if (domain.Frames.LimitBytes >= resident && domain.Swap.Budget.LimitBytes >= pool)
            {
                return;
            }

            domain.Resizer.Approach(Math.Max(resident, domain.Frames.BudgetBytes), Math.Max(pool, domain.Swap.Budget.Bytes), sets);
        }
        while (domain.Resizer.TryAwait(ref seen));
    }

    private (long Resident, long Pool) Decide(in MemoryReading reading)
    {
        using Gate.Scope held = _gate.Enter();
        long committed = domain.Frames.CommittedBytes + domain.Swap.Budget.CommittedBytes;
        _share.Look(reading, committed, Floor, _maxResident + _maxPool);
        return Target();
    }

    private (long Resident, long Pool) Target() =>
        (_share.Of(FloorOf(_maxResident, resident: true), _maxResident), _share.Of(FloorOf(_maxPool, resident: false), _maxPool));

    /// <summary>The floor that was asked for, but at least what the pages in use need, and at most the ceiling.</summary>
    private long FloorOf(long ceiling, bool resident)
    {
        long least = resident
            ? Math.Max(minResident, (long)FramePool.MinFrames * Math.Max(domain.Options.PageBytes, domain.Regions.LargestPageBytes))
            : Math.Max(minPool, domain.Swap.MinPoolBytes);
        return Math.Min(least, ceiling);
    }
}
