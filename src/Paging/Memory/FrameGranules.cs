using System.Numerics;
using System.Runtime.InteropServices;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>How a class of frames gets memory and gives it back. All of this happens under the gate of the pool, and none of it on a fault
/// that finds a frame that is free or can be evicted.</summary>
/// <remarks>A granule is given back as a whole when all its frames are free (<see cref="BeginDrain"/>). When the budget shrinks, single
/// frames of a large granule are given back too, and leave holes (<see cref="BeginShrink"/>): a page that cannot be moved keeps its own
/// memory, and not that of its neighbours. One thread at a time drains or shrinks frames; the shifting gate sees to that.</remarks>
internal sealed unsafe partial class FrameGranules
{
    private readonly FramePool _pool;
    private readonly FrameClass _class;
    private readonly FrameStack _free;
    private readonly Reservation _memory;
    private readonly GrowingRange _records;
    private readonly GranuleMemory _blocks;
    private readonly Granule* _granules;
    private readonly int _granuleCount;
    private readonly int _granuleShift;
    private long _frames;
    private long _end;
    private long _recordsEnd;
    private long _aside;
    private int _growHint;

    /// <param name="pool">All frames of the pager.</param>
    /// <param name="size">The class that the frames belong to.</param>
    /// <param name="free">Its free frames.</param>
    /// <param name="memory">The address space of all classes.</param>
    /// <param name="records">The records of the class.</param>
    /// <param name="table">Zeroes, <see cref="TableBytes"/> of them.</param>
    internal FrameGranules(FramePool pool, FrameClass size, FrameStack free, Reservation memory, GrowingRange records, byte* table)
    {
        _pool = pool;
        _class = size;
        _free = free;
        _memory = memory;
        _records = records;
        _granules = (Granule*)table;
        _granuleShift = ShiftFor(size.PageBytes, pool.GranuleBytes);
        _granuleCount = CountFor(size.ReservedFrames, _granuleShift);
        _blocks = new GranuleMemory(memory, size.OffsetOf(size.FirstFrame), _granules, _granuleCount, _granuleShift, size.PageShift);
        _end = _recordsEnd = FirstFrame;
    }

    /// <summary>Frames that have memory.</summary>
    internal long Frames => Volatile.Read(ref _frames);

    internal long FramesInGranule => 1L << _granuleShift;

    /// <summary>Frames whose memory goes back together: those in a page of the system, which may be larger than a frame.</summary>
    internal int FramesInUnit => Math.Max(1, Interop.VirtualMemory.SystemPageBytes >> PageShift);

    /// <summary>One past the last frame that has memory.</summary>
    internal long End => Volatile.Read(ref _end);

    private FrameRecord* Records => _class.Records;

    private long FirstFrame => _class.FirstFrame;

    private int PageShift => _class.PageShift;

    private int PageBytes => _class.PageBytes;

    /// <summary>Bytes of the table that so many frames need.</summary>
    internal static long TableBytes(long frames, int pageBytes, int granuleBytes) =>
        (long)CountFor(frames, ShiftFor(pageBytes, granuleBytes)) * sizeof(Granule);

    /// <summary>Commits one more granule if the budget has room for one.</summary>
    internal bool TryGrow()
    {
        if (_pool.RemainingFor(_class) < PageBytes)
        {
            return false;
        }

        using Gate.Scope held = _pool.Gate.Enter();
        // Granules below the hint are complete.
        while (_growHint < _granuleCount && IsComplete(_growHint))
        {
            _growHint++;
        }

        for (int granule = _growHint; granule < _granuleCount; granule++)
        {
            if (!IsComplete(granule) && _granules[granule].State != (byte)GranuleState.Draining)
            {
                return TryCommitUnsynchronized(granule);
            }
        }

        return false;
    }

    /// <summary>Starts to empty a granule; the caller evicts what is in its frames.</summary>
    /// <param name="floor">Frames that the class keeps.</param>
    /// <param name="below">Only granules before this one are taken: the others could not be emptied.</param>
    /// <returns>The granule, or −1 when there is none to empty.</returns>
    internal int BeginDrain(long floor, int below = int.MaxValue)
    {
        using Gate.Scope held = _pool.Gate.Enter();
        for (int granule = Math.Min(EndGranule, below) - 1; granule >= 0; granule--)
        {
            ref Granule entry = ref _granules[granule];
            if (entry.State == (byte)GranuleState.Live && Frames - entry.Present >= floor)
            {
                SetState(ref entry, GranuleState.Draining);
                return granule;
            }
        }

        return -1;
    }

    /// <summary>The frames of a granule that have memory.</summary>
    internal (long First, long End) GranuleFrames(int granule)
    {
        long first = FirstFrame + ((long)granule << _granuleShift);
        return (first, first + _granules[granule].Granted);
    }

    /// <summary>Whether a frame below <see cref="End"/> has memory now. One that was given back has none.</summary>
    internal bool HasMemory(long frame)
    {
        ref Granule granule = ref _granules[(frame - FirstFrame) >> _granuleShift];
        return ((frame - FirstFrame) & ((1L << _granuleShift) - 1)) < Volatile.Read(ref granule.Granted)
            && Volatile.Read(ref Records[frame].Next) != FrameMarks.Hole;
    }

    /// <summary>Gives the memory of a granule back if all its frames are free; otherwise puts those that are free to use again.</summary>
    /// <returns>Whether the memory was given back.</returns>
    internal bool EndDrain(int granule)
    {
        using Gate.Scope held = _pool.Gate.Enter();
        SetFreeOnesAsideUnsynchronized();
        bool empty = TryGiveBackUnsynchronized(granule);
        if (!empty)
        {
            EndSettingAsideUnsynchronized(granule);
        }

        LowerEndUnsynchronized();
        return empty;
    }

    private bool TryCommitUnsynchronized(int granule)
    {
        // What is left of the budget may be less than a granule: then this granule stays short until there is more.
        ref Granule entry = ref _granules[granule];
        if (entry.Holes > 0)
        {
            return TryFillHolesUnsynchronized(granule);
        }

        long first = FirstFrame + ((long)granule << _granuleShift) + entry.Granted;
        long granted = Math.Min(FramesIn(granule) - entry.Granted, _pool.RemainingFor(_class) >> PageShift);
        if (granted <= 0)
        {
            return false;
        }

        long bytes = granted << PageShift;
        bool huge = bytes == Reservation.HugePageBytes || (bytes > Reservation.HugePageBytes && PageBytes >= Reservation.HugePageBytes);
        if (!_records.TryReach((first + granted) * FrameRecord.Bytes) || !_blocks.TryCommit(_class.OffsetOf(first), bytes, huge))
        {
            return false;
        }

        _pool.ChargeUnsynchronized(bytes);
        Volatile.Write(ref entry.Granted, entry.Granted + (int)granted);
        SetState(ref entry, GranuleState.Live);
        Interlocked.Add(ref _frames, granted);
        if (first + granted > _recordsEnd)
        {
            _pool.CountRecordsUnsynchronized(first + granted - _recordsEnd);
            _recordsEnd = first + granted;
        }

        if (first + granted > _end)
        {
            SetEndUnsynchronized(first + granted);
        }

        _blocks.CollapseIfComplete(granule);
        for (long frame = first + granted - 1; frame >= first; frame--)
        {
            _free.Push(frame);
        }

        return true;
    }

    private long FramesIn(int granule) =>
        Math.Min(1L << _granuleShift, _class.ReservedFrames - ((long)granule << _granuleShift));

    private bool IsComplete(int granule) => _granules[granule].Present == FramesIn(granule);

    private int EndGranule => (int)((_end - FirstFrame + (1L << _granuleShift) - 1) >> _granuleShift);

    /// <summary>Sets a free frame aside. False when its granule is not being drained any more.</summary>
    internal bool TrySetAside(long frame)
    {
        using Gate.Scope held = _pool.Gate.Enter();
        // Checked again under the gate: if the drain has ended meanwhile, no thread would come for the frame.
        if (!IsDraining(frame))
        {
            return false;
        }

        SetAsideUnsynchronized(frame);
        return true;
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
        Records[frame].Next = FrameMarks.Aside;
        _granules[(frame - FirstFrame) >> _granuleShift].SetAside++;
        Volatile.Write(ref _aside, _aside + 1);
    }

    /// <summary>Whether a frame must not be handed out, since its granule may be given back.</summary>
    internal bool IsDraining(long frame) =>
        Volatile.Read(ref _granules[(frame - FirstFrame) >> _granuleShift].State) == (byte)GranuleState.Draining;

    private static void SetState(ref Granule granule, GranuleState state) => Volatile.Write(ref granule.State, (byte)state);

    private static int ShiftFor(int pageBytes, int granuleBytes) =>
        BitOperations.Log2((uint)(Math.Max(pageBytes, granuleBytes) / pageBytes));

    private static int CountFor(long frames, int granuleShift) => checked((int)(((frames - 1) >> granuleShift) + 1));
}
