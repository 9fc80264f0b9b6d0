using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Gives memory back that is not in use: of frames that have been free for long, of a pool that is mostly dead, and, when nothing
/// happens at all, of what has gone cold. A trickle, a step a second.</summary>
/// <remarks>
/// What counts is the least that was free, and the most that was alive, in the last ten seconds: a pager between two bursts has neither.
/// Idle is a pager without faults for so long. Then pages that are not referenced are evicted, until half of the frames are
/// left that there were when it began; with files, the coldest segments are written out, until three quarters of the pool are left.
/// Nothing is refused for it, and what is given back is taken again when there is need.
/// One background thread at a time takes steps.
/// </remarks>
internal sealed class IdleTrimmer(PagingDomain domain, FrameShrinker shrinker)
{
    internal const int PeriodMilliseconds = 1000;

    /// <summary>So many seconds make "long".</summary>
    internal const int LongSeconds = 10;

    /// <summary>The period when the last step had nothing to do, and there was no fault for twice as long.</summary>
    private const int LongPeriodMilliseconds = LongSeconds * PeriodMilliseconds;

    /// <summary>The part of what may go that goes in a second, as a shift.</summary>
    private const int StepShift = 3;

    /// <summary>The part of the frames that an idle pager evicts in a second, as a shift.</summary>
    private const int EvictShift = 6;

    private readonly Gate _turn = new();
    private readonly long[] _leastFree = new long[FramePool.ClassCount];
    private readonly long[] _framesAtFirst = new long[FramePool.ClassCount];
    private long _mostLive;
    private long _lastFaults;
    private long _poolAtFirst;

    /// <summary>Seconds since the figures were begun, and since the last fault.</summary>
    private int _seconds;
    private int _quietSeconds;
    private long _lastLook;
    private long _nextLook = long.MinValue;

    /// <summary>Does a second's work, if it is time to.</summary>
    /// <returns>Milliseconds until the next step.</returns>
    internal int Step()
    {
        if (!_turn.TryEnter())
        {
            return LongPeriodMilliseconds;
        }

        try
        {
            long now = domain.Tuning.Time.GetTimestamp();
            long frequency = domain.Tuning.Time.TimestampFrequency;
            if (now < _nextLook)
            {
                return (int)Math.Clamp(((_nextLook - now) * 1000 / frequency) + 1, 1, LongPeriodMilliseconds);
            }

            int passed = (int)Math.Clamp((now - _lastLook) / frequency, 1, LongSeconds);
            _lastLook = now;
            bool any = Work(passed);
            int wait = any || _quietSeconds < 2 * LongSeconds ? PeriodMilliseconds : LongPeriodMilliseconds;
            _nextLook = now + (wait * frequency / 1000);
            return wait;
        }
        finally
        {
            _turn.Exit();
        }
    }

    private bool Work(int passed)
    {
        NoteQuiet(passed);
        _seconds = Math.Min(_seconds + passed, LongSeconds);
        bool any = false;
        if (_seconds >= LongSeconds)
        {
            any |= TrimFrames();
            any |= TrimPool();
        }

        if (_quietSeconds >= LongSeconds)
        {
            any |= EvictCold();
            any |= WriteCold();
        }

        // Begins anew when there was nothing to do, so that what was used once, long ago, does not count for ever.
        NoteFigures(isFirst: _seconds >= LongSeconds && !any);
        return any;
    }

    /// <summary>Counts seconds in which no page was brought in.</summary>
    private void NoteQuiet(int passed)
    {
        Counters counters = domain.Counters;
        long faults = counters[Counter.FaultsFromPool] + counters[Counter.FaultsFromFile] + counters[Counter.FaultsOfZeroes];
        _quietSeconds = faults == _lastFaults ? Math.Min(_quietSeconds + passed, 2 * LongSeconds) : 0;
        _lastFaults = faults;
    }

    private void NoteFigures(bool isFirst)
    {
        _seconds = isFirst ? 0 : _seconds;
        long live = domain.Swap.Budget.LiveBytes;
        _mostLive = isFirst ? live : Math.Max(_mostLive, live);
        for (int i = 0; i < FramePool.ClassCount; i++)
        {
            FrameClass? size = domain.Frames.Classes[i];
            long free = size?.FreeFrames ?? 0;
            _leastFree[i] = isFirst ? free : Math.Min(_leastFree[i], free);
            if (_quietSeconds < LongSeconds)
            {
                _framesAtFirst[i] = size?.Frames ?? 0;
            }
        }

        if (_quietSeconds < LongSeconds)
        {
            _poolAtFirst = domain.Swap.Budget.CommittedBytes;
        }
    }

    /// <summary>Frames that have been free all the time, beyond those kept free ahead.</summary>
    private bool TrimFrames()
    {
        bool any = false;
        for (int i = 0; i < FramePool.ClassCount; i++)
        {
            if (domain.Frames.Classes[i] is { } size
                && Math.Min(_leastFree[i], size.FreeFrames) - Reclaimer.High(size) is > 0 and long spare
                && spare > size.Frames >> StepShift)
            {
                long given = shrinker.GiveBackFree(size, Math.Max(1, spare >> StepShift));
                _leastFree[i] -= given;
                any |= given != 0;
            }
        }

        return any;
    }

    /// <summary>Empties segments of a pool of which less than half was alive all the time.</summary>
    private bool TrimPool()
    {
        PoolBudget budget = domain.Swap.Budget;
        long excess = budget.CommittedBytes - (2 * _mostLive) - domain.Swap.MinPoolBytes;
        return excess > 0 && domain.Swap.Room.TryTrimSparse(Math.Max(1, excess >> StepShift));
    }

    private bool EvictCold()
    {
        bool any = false;
        for (int i = 0; i < FramePool.ClassCount; i++)
        {
            FrameClass? size = domain.Frames.Classes[i];
            long above = size is null ? 0 : size.Frames - Math.Max(_framesAtFirst[i] >> 1, FramePool.MinFrames);
            if (size is null || above <= 0)
            {
                continue;
            }

            long wanted = Math.Min(above, (_framesAtFirst[i] >> EvictShift) + 1);
            long evicted = 0;
            for (long look = 0; look < 4 * wanted && evicted < wanted && !domain.IsClosed; look++)
            {
                long frame = FrameClock.NextVictim(size);
                if (frame >= 0 && domain.Evictor.Evict(size, frame, StoreLevel.AtHand, spare: true) == EvictOutcome.Freed)
                {
                    size.GiveBack(frame);
                    evicted++;
                }
            }

            any |= evicted != 0 && shrinker.GiveBackFree(size, evicted) != 0;
        }

        return any;
    }

    private bool WriteCold()
    {
        PoolBudget budget = domain.Swap.Budget;
        return domain.Swap.MayWait
            && budget.CommittedBytes > _poolAtFirst - (_poolAtFirst >> 2)
            && domain.Swap.Room.TryWriteCold();
    }
}
