namespace Paging.Memory;

/// <summary>How a class gets memory and gives it back. All of this happens under the gate of the pool, and none of it on a fault that finds
/// a frame that is free or can be evicted.</summary>
internal sealed unsafe partial class FrameClass
{
    /// <summary>Set in <see cref="FrameRecord.Next"/> of a frame that waits for the rest of its granule to be free.</summary>
    private const uint Aside = uint.MaxValue;

    private readonly Granule[] _granules;
    private readonly int _granuleShift;
    private int _growHint;

    private enum GranuleState : byte
    {
        Absent,
        Live,
        /// <summary>Its free frames are set aside, so that its memory can be given back.</summary>
        Draining,
    }

    /// <summary>Commits one more granule if the budget has room for one.</summary>
    internal bool TryGrow()
    {
        if (_pool.RemainingFor(this) < PageBytes)
        {
            return false;
        }

        _pool.Gate.Enter();
        try
        {
            // Granules below the hint are complete.
            while (_growHint < _granules.Length && IsComplete(_growHint))
            {
                _growHint++;
            }

            for (int granule = _growHint; granule < _granules.Length; granule++)
            {
                if (!IsComplete(granule) && _granules[granule].State != (byte)GranuleState.Draining)
                {
                    return TryCommitUnsynchronized(granule);
                }
            }

            return false;
        }
        finally
        {
            _pool.Gate.Exit();
        }
    }

    /// <summary>Starts to empty a granule; the caller evicts what is in its frames.</summary>
    /// <param name="floor">Frames that the class keeps.</param>
    /// <param name="below">Only granules before this one are taken: the others could not be emptied.</param>
    /// <returns>The granule, or −1 when there is none to empty.</returns>
    internal int BeginDrain(long floor, int below = int.MaxValue)
    {
        _pool.Gate.Enter();
        try
        {
            for (int granule = Math.Min(_granules.Length, below) - 1; granule >= 0; granule--)
            {
                ref Granule entry = ref _granules[granule];
                if (entry.State == (byte)GranuleState.Live && Frames - entry.Granted >= floor)
                {
                    SetState(ref entry, GranuleState.Draining);
                    return granule;
                }
            }

            return -1;
        }
        finally
        {
            _pool.Gate.Exit();
        }
    }

    /// <summary>The frames of a granule that have memory.</summary>
    internal (long First, long End) GranuleFrames(int granule)
    {
        long first = FirstFrame + ((long)granule << _granuleShift);
        return (first, first + _granules[granule].Granted);
    }

    /// <summary>Whether a frame below <see cref="End"/> has memory now. A frame of a granule that was given back has none.</summary>
    internal bool HasMemory(long frame)
    {
        ref Granule granule = ref _granules[(frame - FirstFrame) >> _granuleShift];
        return ((frame - FirstFrame) & ((1L << _granuleShift) - 1)) < Volatile.Read(ref granule.Granted);
    }

    /// <summary>Gives the memory of a granule back if all its frames are free; otherwise puts those that are free to use again.</summary>
    /// <returns>Whether the memory was given back.</returns>
    internal bool EndDrain(int granule)
    {
        _pool.Gate.Enter();
        try
        {
            SetFreeOnesAsideUnsynchronized();
            (long first, long end) = GranuleFrames(granule);
            ref Granule entry = ref _granules[granule];
            long bytes = (long)entry.Granted << PageShift;
            bool empty = entry.SetAside == entry.Granted && TryDecommit(granule, OffsetOf(first), bytes);
            for (long frame = first; frame < end; frame++)
            {
                if (Records[frame].Next == Aside)
                {
                    Records[frame].Next = 0;
                    if (!empty)
                    {
                        _free.Push(frame);
                    }
                }
            }

            entry.SetAside = 0;
            SetState(ref entry, empty ? GranuleState.Absent : GranuleState.Live);
            if (empty)
            {
                Interlocked.Add(ref _frames, -entry.Granted);
                entry.Granted = 0;
                _growHint = Math.Min(_growHint, granule);
                _pool.ChargeUnsynchronized(-bytes);
            }

            return empty;
        }
        finally
        {
            _pool.Gate.Exit();
        }
    }

    private bool TryCommitUnsynchronized(int granule)
    {
        // What is left of the budget may be less than a granule: then this granule stays short until there is more.
        ref Granule entry = ref _granules[granule];
        long first = FirstFrame + ((long)granule << _granuleShift) + entry.Granted;
        long granted = Math.Min(FramesIn(granule) - entry.Granted, _pool.RemainingFor(this) >> PageShift);
        if (granted <= 0)
        {
            return false;
        }

        long bytes = granted << PageShift;
        bool huge = bytes == Reservation.HugePageBytes || (bytes > Reservation.HugePageBytes && PageBytes >= Reservation.HugePageBytes);
        if (!_records.TryReach((first + granted) * FrameRecord.Bytes) || !_memory.TryCommit(OffsetOf(first), bytes, huge))
        {
            return false;
        }

        _pool.ChargeUnsynchronized(bytes);
        Volatile.Write(ref entry.Granted, entry.Granted + (int)granted);
        SetState(ref entry, GranuleState.Live);
        Interlocked.Add(ref _frames, granted);
        if (first + granted > _end)
        {
            _pool.CountRecordsUnsynchronized(first + granted - _end);
            Volatile.Write(ref _end, first + granted);
        }

        CollapseIfComplete(granule);
        for (long frame = first + granted - 1; frame >= first; frame--)
        {
            _free.Push(frame);
        }

        return true;
    }

    /// <summary>Gives the memory of a granule back.</summary>
    /// <remarks>If the granule is small, the system is first advised against huge pages for all of the huge page that the granule may lie
    /// in. Advice for each granule alone would add two mappings for each. A granule of whole huge pages is not part of another huge
    /// page.</remarks>
    private bool TryDecommit(int granule, long offset, long bytes)
    {
        int granulesInBlock = Reservation.HugePageBytes >> (PageShift + _granuleShift);
        if (granulesInBlock >= 2)
        {
            int begin = granule / granulesInBlock * granulesInBlock;
            _memory.Advise(OffsetOf(FirstFrame + ((long)begin << _granuleShift)), Reservation.HugePageBytes, huge: false);
        }

        return _memory.TryDecommit(offset, bytes);
    }

    /// <summary>Joins the small granules of a block to a huge page once all of them have their memory. Not before: a huge page takes its
    /// whole size, and would exceed the budget.</summary>
    private void CollapseIfComplete(int granule)
    {
        int granulesInBlock = Reservation.HugePageBytes >> (PageShift + _granuleShift);
        if (granulesInBlock < 2)
        {
            return;
        }

        int begin = granule / granulesInBlock * granulesInBlock;
        if (begin + granulesInBlock > _granules.Length)
        {
            return;
        }

        for (int i = begin; i < begin + granulesInBlock; i++)
        {
            if (_granules[i].Granted != 1 << _granuleShift)
            {
                return;
            }
        }

        _memory.Collapse(OffsetOf(FirstFrame + ((long)begin << _granuleShift)), Reservation.HugePageBytes);
    }

    private long FramesIn(int granule) =>
        Math.Min(1L << _granuleShift, MaxFrames - ((long)granule << _granuleShift));

    private bool IsComplete(int granule) => _granules[granule].Granted == FramesIn(granule);

    private bool TrySetAside(long frame)
    {
        _pool.Gate.Enter();
        try
        {
            // Checked again under the gate: if the drain has ended meanwhile, no thread would come for the frame.
            if (!IsDraining(frame))
            {
                return false;
            }

            SetAsideUnsynchronized(frame);
            return true;
        }
        finally
        {
            _pool.Gate.Exit();
        }
    }

    private void SetFreeOnesAsideUnsynchronized()
    {
        for (long frame = _free.PopAll(), next; frame >= 0; frame = next)
        {
            next = _free.Next(frame);
            if (IsDraining(frame))
            {
                SetAsideUnsynchronized(frame);
            }
            else
            {
                _free.Push(frame);
            }
        }
    }

    private void SetAsideUnsynchronized(long frame)
    {
        Records[frame].Next = Aside;
        _granules[(frame - FirstFrame) >> _granuleShift].SetAside++;
    }

    private bool IsDraining(long frame) =>
        Volatile.Read(ref _granules[(frame - FirstFrame) >> _granuleShift].State) == (byte)GranuleState.Draining;

    private static void SetState(ref Granule granule, GranuleState state) => Volatile.Write(ref granule.State, (byte)state);

    private struct Granule
    {
        internal byte State;
        internal int Granted;
        internal int SetAside;
    }
}
