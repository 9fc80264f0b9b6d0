using Paging.Threading;

namespace Paging.Swap;

/// <summary>The swap files of a pager. Segments name them by number.</summary>
/// <remarks>A number is given up when the file is removed, which waits until no segment names it. Choosing a file takes the gate for a
/// moment. Looking one up takes nothing, since the caller holds a pin or a claim on a segment that names it.</remarks>
internal sealed unsafe partial class SwapFileTable
{
    internal const int MaxFiles = 64;

    /// <summary>Segments that all files together may hold: half of the numbers that there are, so that the pool never runs out of
    /// numbers.</summary>
    private const int MaxSegmentsInFiles = Location.MaxSegments / 2;

    private readonly Gate _gate = new();
    private readonly SwapArea?[] _areas = new SwapArea?[MaxFiles];
    private int _count;
    private int _turn;

    /// <summary>What <see cref="Returns"/> counts beside the files that there are.</summary>
    private long _otherReturns;

    /// <summary>Whether there are any files.</summary>
    internal bool IsAny => Volatile.Read(ref _count) != 0;

    internal ReadOnlySpan<SwapArea?> Areas => _areas;

    /// <summary>The area of a segment that is in a file or being written to one.</summary>
    internal SwapArea Of(Segment* segment) => _areas[segment->File - 1]!;

    internal bool Contains(SwapArea area) => _areas.AsSpan().Contains(area);

    /// <summary>Adds a file. False when there are as many files as there can be.</summary>
    internal bool TryAdd(SwapArea area)
    {
        using Gate.Scope held = _gate.Enter();
        for (int i = 0; i < MaxFiles; i++)
        {
            if (_areas[i] is null)
            {
                area.Number = (ushort)(i + 1);
                Volatile.Write(ref _areas[i], area);
                Interlocked.Increment(ref _count);
                Volatile.Write(ref _otherReturns, _otherReturns + 1);
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets a file that no segment names any more.</summary>
    internal void Remove(SwapArea area)
    {
        using Gate.Scope held = _gate.Enter();
        // First, so that the sum does not fall.
        Volatile.Write(ref _otherReturns, _otherReturns + area.Returns);
        Volatile.Write(ref _areas[area.Number - 1], null);
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Whether a segment of this size would find a slot.</summary>
    internal bool HasRoom(int segmentBytes)
    {
        if (!IsAny || SegmentCount >= MaxSegmentsInFiles)
        {
            return false;
        }

        foreach (SwapArea? area in _areas)
        {
            if (area is not null && area.HasRoom(segmentBytes))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>As <see cref="HasRoom"/>, but includes files whose disk was full lately.</summary>
    internal bool MayHaveRoom(int segmentBytes)
    {
        if (!IsAny || SegmentCount >= MaxSegmentsInFiles)
        {
            return false;
        }

        foreach (SwapArea? area in _areas)
        {
            if (area is not null && area.MayHaveRoom(segmentBytes))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Ends the rest of files whose disk was full lately, before a store is refused. False when there are none.</summary>
    internal bool TryEndRest()
    {
        bool any = false;
        foreach (SwapArea? area in _areas)
        {
            any |= area is not null && area.TryEndRest();
        }

        return any;
    }

    /// <summary>What <see cref="HaveRestedSince"/> goes by.</summary>
    internal Rests Rests =>
        IsAny ? new Rests(Sum(static area => area.RestsBegun), Sum(static area => area.IsResting ? 1 : 0) != 0) : default;

    /// <summary>Takes a slot in the file of the highest priority that has one. Files of equal priority take turns.</summary>
    internal bool TryTake(Segment* segment, int segmentBytes)
    {
        if (!IsAny || SegmentCount >= MaxSegmentsInFiles)
        {
            return false;
        }

        using Gate.Scope held = _gate.Enter();
        for (long below = long.MaxValue; TryNextPriority(below, out int priority); below = priority)
        {
            for (int i = 0; i < MaxFiles; i++)
            {
                int place = (_turn + 1 + i) % MaxFiles;
                if (_areas[place] is { } area && area.Priority == priority && area.TryTake(segmentBytes, out uint block))
                {
                    _turn = place;
                    segment->Block = block;
                    segment->File = area.Number;
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Gives a segment's slot back. Afterwards the segment is in no file.</summary>
    internal void Free(Segment* segment, int segmentBytes)
    {
        SwapArea area = Of(segment);
        uint block = segment->Block;
        segment->File = 0;
        area.GiveBack(block, segmentBytes);
    }

    /// <summary>Changes whenever a slot comes free or a file is added.</summary>
    internal long Returns => Volatile.Read(ref _otherReturns) + (IsAny ? Sum(static area => area.Returns) : 0);

    /// <summary>Whether free blocks are on their way to the file system, so that writers do not find them.</summary>
    internal bool IsTrimming => Sum(static area => area.IsTrimming ? 1 : 0) != 0;

    private int SegmentCount => (int)Sum(static area => area.SegmentCount);

    /// <summary>Bytes of slots in use.</summary>
    internal long UsedBytes => Sum(static area => area.UsedBytes);

    /// <summary>The number of files, their bytes in all, and the bytes of those that failed writes have put out of use.</summary>
    internal (int Files, long Bytes, long BadBytes) Sizes()
    {
        (int Files, long Bytes, long BadBytes) sizes = default;
        foreach (SwapArea? area in _areas)
        {
            if (area is not null)
            {
                sizes = (sizes.Files + 1, sizes.Bytes + area.Bytes, sizes.BadBytes + area.BadBytes);
            }
        }

        return sizes;
    }

    /// <summary>Bytes of the entries in the segment table for segments in files. Those for segments in memory are charged to the
    /// pool.</summary>
    internal long MetadataBytes => Sum(static area => area.MetadataBytes);

    /// <summary>Whether a file that would take segments takes none because it is being removed. A retired one takes none anyway.</summary>
    internal bool IsAnyBeingRemoved => IsAny && Sum(static area => area.State == AreaState.Removing ? 1 : 0) != 0;

    /// <summary>How many files take no more segments, since they kept failing.</summary>
    internal int CountRetired() => (int)Sum(static area => area.State == AreaState.Retired ? 1 : 0);

    private long Sum(Func<SwapArea, long> of)
    {
        long sum = 0;
        foreach (SwapArea? area in _areas)
        {
            sum += area is null ? 0 : of(area);
        }

        return sum;
    }

    private bool TryNextPriority(long below, out int priority)
    {
        bool any = false;
        priority = 0;
        foreach (SwapArea? area in _areas)
        {
            if (area is not null && area.Priority < below && (!any || area.Priority > priority))
            {
                priority = area.Priority;
                any = true;
            }
        }

        return any;
    }
}

/// <summary>Which files rested at a time because their disk was full.</summary>
/// <param name="Begun">How many rests had begun by then.</param>
/// <param name="IsAny">Whether a file rested. Read behind the first: a rest that begins in between, or later, raises the count.</param>
internal readonly record struct Rests(long Begun, bool IsAny);
