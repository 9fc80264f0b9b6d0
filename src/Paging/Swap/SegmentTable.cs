using Paging.Diagnostics;
using Paging.Memory;

namespace Paging.Swap;

/// <summary>All segments of a pager by number, whichever log they belong to.</summary>
internal sealed unsafe class SegmentTable
{
    private const int MaxLogs = 16;
    private readonly Reservation _memory = new((long)Location.MaxSegments * Segment.Size, accessible: true);
    private readonly SegmentLog?[] _logs = new SegmentLog?[MaxLogs];
    private int _logCount;
    private int _end;

    internal ReadOnlySpan<SegmentLog?> Logs => _logs.AsSpan(0, Volatile.Read(ref _logCount));

    internal Segment* this[int index] => (Segment*)_memory.Address + index;

    /// <summary>Numbers for a new log's segments. Under the pool's gate.</summary>
    /// <returns>−1 when there are no more.</returns>
    internal int TryAddUnsynchronized(int count)
    {
        if (_logCount == MaxLogs || count > Location.MaxSegments - _end)
        {
            return -1;
        }

        int first = _end;
        Volatile.Write(ref _end, _end + count);
        return first;
    }

    /// <summary>Makes a log known, once its segments can be used. Under the pool's gate.</summary>
    internal int PublishUnsynchronized(SegmentLog log)
    {
        int index = _logCount;
        _logs[index] = log;
        for (int i = 0; i < log.SegmentCount; i++)
        {
            Segment* segment = this[log.FirstSegment + i];
            segment->Address = log.AddressOf(i);
            segment->Log = index;
        }

        Volatile.Write(ref _logCount, index + 1);
        return index;
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
