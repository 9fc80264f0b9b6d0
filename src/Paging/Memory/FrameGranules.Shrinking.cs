using Paging.Threading;

namespace Paging.Memory;

/// <summary>Giving memory back when the budget shrinks: of many granules at once, and of single frames.</summary>
internal sealed unsafe partial class FrameGranules
{
    /// <summary>So many granules of huge pages may have holes: each adds two mappings, of which a process has 65,530.</summary>
    private const int MaxHoled = 8192;

    private int _holed;

    /// <summary>Frames that are set aside. Read without the gate by the thread that drains.</summary>
    internal long AsideFrames => Volatile.Read(ref _aside);

    /// <summary>Sets the free frames of some granules aside, from the last one down; the caller evicts what is in the others.</summary>
    /// <param name="below">Only granules before this one are taken.</param>
    /// <param name="frames">They are to have so many frames with memory, if there are as many.</param>
    /// <returns>The granules: none when there are none left.</returns>
    internal (int First, int End) BeginShrink(int below, long frames)
    {
        using Gate.Scope held = _pool.Gate.Enter();
        int end = Math.Min(EndGranule, below);
        int first = end;
        for (long found = 0; first > 0 && found < frames;)
        {
            ref Granule entry = ref _granules[--first];
            if (entry.State == (byte)GranuleState.Live && entry.Present > 0)
            {
                SetState(ref entry, GranuleState.Draining);
                found += entry.Present;
            }
        }

        SetFreeOnesAsideUnsynchronized();
        return (first, end);
    }

    /// <summary>The frames of granules, those without memory included.</summary>
    internal (long First, long End) FramesOf(int first, int end) =>
        (FirstFrame + ((long)first << _granuleShift), Math.Min(End, FirstFrame + ((long)end << _granuleShift)));

    /// <summary>Whether a frame is set aside, while this thread drains.</summary>
    internal bool IsAside(long frame) => Volatile.Read(ref Records[frame].Next) == FrameMarks.Aside;

    /// <summary>Ends what <see cref="BeginShrink"/> began: gives back the memory of frames that are set aside, and puts the others to use
    /// again.</summary>
    /// <param name="first">The first granule.</param>
    /// <param name="end">The granule behind the last one.</param>
    /// <param name="max">Give back so many frames at most.</param>
    /// <returns>The number of frames given back. Less than could be, when the system refuses to take memory back.</returns>
    internal long EndShrink(int first, int end, long max)
    {
        using Gate.Scope held = _pool.Gate.Enter();
        SetFreeOnesAsideUnsynchronized();
        long given = 0;
        for (int granule = end - 1; granule >= first; granule--)
        {
            ref Granule entry = ref _granules[granule];
            if (entry.State != (byte)GranuleState.Draining)
            {
                continue;
            }

            int present = entry.Present;
            if (present <= max - given && TryGiveBackUnsynchronized(granule))
            {
                given += present;
                continue;
            }

            given += MakeHolesUnsynchronized(granule, max - given);
            EndSettingAsideUnsynchronized(granule);
        }

        LowerEndUnsynchronized();
        return given;
    }

    /// <summary>Gives back the memory of a granule if all its frames are set aside.</summary>
    private bool TryGiveBackUnsynchronized(int granule)
    {
        ref Granule entry = ref _granules[granule];
        (long first, long end) = GranuleFrames(granule);
        int present = entry.Present;
        if (entry.SetAside != present || !_blocks.TryDecommit(granule, _class.OffsetOf(first), (end - first) << PageShift))
        {
            return false;
        }

        for (long frame = first; frame < end; frame++)
        {
            Records[frame].Next = 0;
        }

        Volatile.Write(ref _aside, _aside - present);
        _holed -= entry.Holes > 0 ? 1 : 0;
        entry.SetAside = 0;
        entry.Holes = 0;
        Volatile.Write(ref entry.Granted, 0);
        SetState(ref entry, GranuleState.Absent);
        NoteGoneUnsynchronized(granule, present);
        return true;
    }

    /// <summary>Puts the frames of a granule that are set aside to use again.</summary>
    private void EndSettingAsideUnsynchronized(int granule)
    {
        ref Granule entry = ref _granules[granule];
        Volatile.Write(ref _aside, _aside - entry.SetAside);
        entry.SetAside = 0;
        SetState(ref entry, GranuleState.Live);
        (long first, long end) = GranuleFrames(granule);
        for (long frame = first; frame < end; frame++)
        {
            if (Records[frame].Next == FrameMarks.Aside)
            {
                Records[frame].Next = 0;
                _free.Push(frame);
            }
        }
    }

    /// <summary>Gives back the memory of single frames that are set aside.</summary>
    private long MakeHolesUnsynchronized(int granule, long max)
    {
        (long first, long end) = GranuleFrames(granule);
        ref Granule entry = ref _granules[granule];
        if (entry.Holes == 0 && _holed == MaxHoled)
        {
            return 0;
        }

        bool hadHoles = entry.Holes > 0;
        long made = GranuleHoles.Make(_class, _memory, first, end, _granuleShift, max);
        entry.Holes += (int)made;
        _holed += !hadHoles && made > 0 ? 1 : 0;
        entry.SetAside -= (int)made;
        Volatile.Write(ref _aside, _aside - made);
        NoteGoneUnsynchronized(granule, made);
        return made;
    }

    /// <summary>Gives memory to frames that gave theirs back, as far as the budget allows.</summary>
    private bool TryFillHolesUnsynchronized(int granule)
    {
        ref Granule entry = ref _granules[granule];
        (long first, long end) = GranuleFrames(granule);
        long count = Math.Min(entry.Holes, _pool.RemainingFor(_class) >> PageShift);
        if (count <= 0)
        {
            return false;
        }

        _pool.ChargeUnsynchronized(count << PageShift);
        Interlocked.Add(ref _frames, count);
        entry.Holes -= (int)count;
        _holed -= entry.Holes == 0 ? 1 : 0;
        if (IsComplete(granule) && PageBytes < Reservation.HugePageBytes && PageBytes << _granuleShift == Reservation.HugePageBytes)
        {
            _memory.Advise(_class.OffsetOf(first), Reservation.HugePageBytes, huge: true);
        }

        for (long frame = first; frame < end && count > 0; frame++)
        {
            if (Records[frame].Next == FrameMarks.Hole)
            {
                Records[frame].Next = 0;
                _free.Push(frame);
                count--;
            }
        }

        return true;
    }

    private void NoteGoneUnsynchronized(int granule, long frames)
    {
        if (frames != 0)
        {
            Interlocked.Add(ref _frames, -frames);
            _growHint = Math.Min(_growHint, granule);
            _pool.ChargeUnsynchronized(-(frames << PageShift));
        }
    }

    private void LowerEndUnsynchronized()
    {
        int granule = EndGranule - 1;
        while (granule >= 0 && _granules[granule].Granted == 0)
        {
            granule--;
        }

        long end = granule < 0 ? FirstFrame : GranuleFrames(granule).End;
        if (end != _end)
        {
            SetEndUnsynchronized(end);
        }
    }

    private void SetEndUnsynchronized(long end)
    {
        Volatile.Write(ref _end, end);
        _class.Replacement.Reach = end - FirstFrame;
    }
}
