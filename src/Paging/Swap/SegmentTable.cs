using Paging.Diagnostics;
using Paging.Memory;

namespace Paging.Swap;

/// <summary>All segments of a pager by number, whichever log they belong to and wherever they are.</summary>
/// <remarks>A number is a segment's name for as long as any descriptor points to it; its memory is only lent to it.</remarks>
internal sealed unsafe class SegmentTable
{
    private const int MaxLogs = 16;
    private const int NoNumber = -1;
    private readonly Reservation _memory = new((long)Location.MaxSegments * Segment.Size, accessible: true);
    private readonly SegmentLog?[] _logs = new SegmentLog?[MaxLogs];
    private int _logCount;

    /// <summary>Numbers from here on were never used. Under the pool's gate.</summary>
    private int _end;

    /// <summary>The first of the numbers that are free again, linked through their entries. Under the pool's gate.</summary>
    private int _free = NoNumber;

    internal ReadOnlySpan<SegmentLog?> Logs => _logs.AsSpan(0, Volatile.Read(ref _logCount));

    /// <summary>One past the highest number that was ever used.</summary>
    internal int End => Volatile.Read(ref _end);

    internal Segment* this[int index] => (Segment*)_memory.Address + index;

    /// <summary>Makes a log known, once its segments can be used. Under the pool's gate.</summary>
    /// <returns>Its number; −1 when there are as many as there can be.</returns>
    internal int TryPublishUnsynchronized(SegmentLog log)
    {
        int index = _logCount;
        if (index == MaxLogs)
        {
            return -1;
        }

        _logs[index] = log;
        log.Index = index;
        Volatile.Write(ref _logCount, index + 1);
        return index;
    }

    /// <summary>Takes a number for a segment about to be opened. Under the pool's gate.</summary>
    /// <returns>−1 when there are no more.</returns>
    internal int TryTakeNumberUnsynchronized()
    {
        int number = _free;
        if (number != NoNumber)
        {
            _free = this[number]->Used;
        }
        else if (_end < Location.MaxSegments)
        {
            number = _end;
            Volatile.Write(ref _end, number + 1);
        }

        return number;
    }

    /// <summary>Gives back the number of a segment in state Free. Under the pool's gate.</summary>
    internal void GiveNumberBackUnsynchronized(int number)
    {
        this[number]->Used = _free;
        _free = number;
    }

    internal bool TryPin(int segment) =>
        TestHook.Breaks(Mutation.SkipSegmentPin) || SegmentWord.TryPin(&this[segment]->Word);

    internal void Unpin(int segment)
    {
        if (!TestHook.Breaks(Mutation.SkipSegmentPin) && SegmentWord.Unpin(&this[segment]->Word))
        {
            Return(segment);
        }
    }

    /// <summary>Before an entry's location is published or moved here, so that the segment never looks empty meanwhile.</summary>
    internal void Credit(int segment, int units)
    {
        TestHook.Reach(SharedWord.SegmentLive);
        Interlocked.Add(ref this[segment]->Live, units);
    }

    /// <summary>After an entry's location has been taken out of its descriptor. The one that empties a sealed segment frees it; an
    /// open one is freed by its writer when it seals it.</summary>
    internal void Debit(int segment, int units)
    {
        TestHook.Reach(SharedWord.SegmentLive);
        if (Interlocked.Add(ref this[segment]->Live, -units) == 0)
        {
            RetireIfEmpty(segment, SegmentState.Sealed);
        }
    }

    internal void RetireIfEmpty(int segment, SegmentState from)
    {
        if (SegmentWord.TryRetire(&this[segment]->Word, ref this[segment]->Live, from))
        {
            Return(segment);
        }
    }

    internal void DecommitAll()
    {
        foreach (SegmentLog? log in Logs)
        {
            log!.DecommitAll();
        }

        _memory.DecommitAll();
    }

    internal void Release()
    {
        foreach (SegmentLog? log in Logs)
        {
            log!.Release();
        }

        _memory.Release();
    }

    private void Return(int segment) => _logs[this[segment]->Log]!.Return(segment);
}
