using Paging.Diagnostics;
using Paging.Memory;

namespace Paging.Swap;

/// <summary>All segments of a pager by number, whichever log they belong to and wherever they are.</summary>
/// <remarks>A number is a segment's name for as long as any descriptor points to it; its memory is only lent to it. What lives in a segment
/// is counted in the segment and, by where the segment is, in the pool's sums or in the files'. A segment changes sides only while
/// nobody pins it, and what counts an entry out of a sealed segment pins it meanwhile, so that no entry is counted on one side and
/// out on the other.</remarks>
internal sealed unsafe class SegmentTable
{
    internal const int MaxLogs = 16;
    private const int NoNumber = -1;
    private readonly Reservation _memory;
    private readonly GrowingRange _range;
    private readonly PoolBudget _budget;
    private readonly Counters _counters;
    private readonly SegmentLog?[] _logs = new SegmentLog?[MaxLogs];
    private int _logCount;
    private long _seals;

    /// <summary>Numbers from here on were never used. Under the pool's gate.</summary>
    private int _end;

    /// <summary>The first of the numbers that are free again, linked through their entries. Under the pool's gate.</summary>
    private int _free = NoNumber;

    internal SegmentTable(PoolBudget budget, Counters counters)
    {
        _budget = budget;
        _counters = counters;
        _memory = new Reservation((long)Location.MaxSegments * Segment.Size, accessible: false);
        _range = new GrowingRange(_memory, 0, _memory.Bytes);
    }

    /// <summary>What the system refused when the table was to grow last; 0 when it did not.</summary>
    internal long RefusedBytes => _memory.RefusedBytes;

    internal ReadOnlySpan<SegmentLog?> Logs => _logs.AsSpan(0, Volatile.Read(ref _logCount));

    /// <summary>One past the highest number that was ever used.</summary>
    internal int End => Volatile.Read(ref _end);

    /// <summary>Where segments that are not in memory are.</summary>
    internal SwapFileTable Files { get; } = new();

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
        log.Index = (byte)index;
        Volatile.Write(ref _logCount, index + 1);
        return index;
    }

    /// <summary>Takes a number for a segment about to be opened. Under the pool's gate.</summary>
    /// <returns>−1 when there are no more, or the system refuses memory for it.</returns>
    internal int TryTakeNumberUnsynchronized()
    {
        int number = _free;
        if (number != NoNumber)
        {
            _free = this[number]->Used;
        }
        else if (_end < Location.MaxSegments && _range.TryReach((_end + 1L) * Segment.Size))
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

    /// <summary>The next of the moments at which segments were sealed or tried to be written. No two are the same.</summary>
    internal long NextSeal() => Interlocked.Increment(ref _seals);

    internal bool IsDemoting(Location location) =>
        location.Where == Location.Kind.Segment
        && SegmentWord.State(SegmentWord.Load(&this[location.Segment]->Word)) == SegmentState.Demoting;

    internal bool TryPin(int segment, out bool onFile)
    {
        onFile = false;
        return TestHook.Breaks(Mutation.SkipSegmentPin) || SegmentWord.TryPin(&this[segment]->Word, out onFile);
    }

    internal void Unpin(int segment)
    {
        if (TestHook.Breaks(Mutation.SkipSegmentPin))
        {
            return;
        }

        switch (SegmentWord.Unpin(&this[segment]->Word))
        {
            case LastOut.Return:
                Return(segment);
                break;
            case LastOut.Demote:
                Demote(segment);
                break;
        }
    }

    /// <summary>Before an entry's location is published or moved here, so that the segment never looks empty meanwhile.</summary>
    internal void Credit(int segment, EntrySize size)
    {
        Segment* entry = this[segment];
        Interlocked.Add(ref entry->Tally, (1L << 32) + size.Encoded);
        Interlocked.Add(ref entry->Logical, size.Logical);
        TestHook.Reach(SharedWord.SegmentLive);
        Interlocked.Add(ref entry->Live, size.Units);
    }

    /// <summary>After an entry's location has been taken out of its descriptor. The one that empties a sealed segment frees it; an
    /// open one is freed by its writer when it seals it.</summary>
    /// <remarks>The caller keeps the segment from changing sides: by a pin, a claim, or because it has it open.</remarks>
    internal void Debit(int segment, EntrySize size, int entries = 1)
    {
        Segment* entry = this[segment];
        Interlocked.Add(ref entry->Tally, -((long)entries << 32) - size.Encoded);
        Interlocked.Add(ref entry->Logical, -size.Logical);
        TestHook.Reach(SharedWord.SegmentLive);
        if (Interlocked.Add(ref entry->Live, -size.Units) == 0)
        {
            RetireIfEmpty(segment, SegmentState.Sealed);
        }
    }

    /// <summary>Counts out an entry whose location has been taken out of its descriptor, wherever it is.</summary>
    internal void Drop(int segment, EntrySize size)
    {
        // The entry keeps its segment from being empty, so that all there is to wait for is that readers leave a segment just written.
        if (TestHook.Breaks(Mutation.CountOutUnpinned))
        {
            SegmentState state = SegmentWord.State(SegmentWord.Load(&this[segment]->Word));
            CountOut(segment, size, state is SegmentState.OnFile or SegmentState.FileCleaning);
            Debit(segment, size);
            return;
        }

        bool onFile = Pin(segment);
        DropPinned(segment, size, onFile, entries: 1);
    }

    /// <summary>Pins a segment that holds an entry which the caller is to count out.</summary>
    /// <returns>Whether the segment is in a file.</returns>
    internal bool Pin(int segment)
    {
        Spinner spinner = default;
        bool onFile;
        while (!TryPin(segment, out onFile))
        {
            spinner.Once();
        }

        return onFile;
    }

    /// <summary>Counts entries out of a segment that the caller has pinned for that, and gives the pin back.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="size">Of all entries together.</param>
    /// <param name="onFile">As <see cref="Pin"/> said.</param>
    /// <param name="entries">How many there are.</param>
    internal void DropPinned(int segment, EntrySize size, bool onFile, int entries)
    {
        CountOut(segment, size, onFile, entries);
        if (this[segment]->Damaged != 0)
        {
            // Whatever it was that could not be told apart or read may have been this entry.
            this[segment]->Damaged = 0;
        }

        Debit(segment, size, entries);
        Unpin(segment);
    }

    /// <summary>Counts an entry, or several at once, out of the sums of the side that its segment is on. The caller keeps it there, as for <see cref="Debit"/>.</summary>
    internal void CountOut(int segment, EntrySize size, bool onFile, int entries = 1)
    {
        if (onFile)
        {
            _counters.Add(Counter.FilePages, -entries);
            _counters.Add(Counter.FileLiveBytes, -(long)size.Bytes);
            Files.Of(this[segment]).CountDead(this[segment]->Log, size.Bytes);
        }
        else
        {
            CountInMemory(size, -1);
        }
    }

    /// <summary>Counts an entry into or out of the sums of the pool.</summary>
    internal void CountInMemory(EntrySize size, int sign)
    {
        _budget.Add(sign * size.Units, sign * (long)size.Encoded);
        _counters.Add(Counter.LogicalBytes, sign * (long)size.Logical);
    }

    /// <summary>An entry in memory has been compressed again: counts what it has become in the place of what it was.</summary>
    internal void Recount(EntrySize from, EntrySize to, bool wasRaw)
    {
        _budget.Add(to.Units - from.Units, to.Encoded - from.Encoded);
        _counters.Add(Counter.RecompressedPages);
        if (wasRaw)
        {
            // Whoever frees it sees by its location that this has been done.
            _counters.Add(Counter.IncompressiblePages, -1);
        }
    }

    internal void RetireIfEmpty(int segment, SegmentState from)
    {
        if (TestHook.Breaks(Mutation.FreeSlotUnderReaders) && Volatile.Read(ref this[segment]->Live) == 0 && this[segment]->File != 0
            && SegmentWord.State(SegmentWord.Load(&this[segment]->Word)) == SegmentState.OnFile)
        {
            Files.Free(this[segment], _logs[this[segment]->Log]!.SegmentBytes);
        }

        if (SegmentWord.TryRetire(&this[segment]->Word, ref this[segment]->Live, from))
        {
            Return(segment);
        }
    }

    internal void DecommitAll()
    {
        foreach (SegmentLog? log in Logs)
        {
            log!.Chunks.DecommitAll();
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

    private void Return(int segment)
    {
        Segment* entry = this[segment];
        SegmentLog log = _logs[entry->Log]!;
        if (entry->File != 0)
        {
            // It was demoted: what is still being written is not returned before the writing has given the slot back.
            Files.Of(entry).CountSegment(entry->Log, -log.Holds(entry), live: 0);
            Files.Free(entry, log.SegmentBytes);
        }

        log.Return(segment);
    }

    /// <summary>Lets the memory of a segment go that is in a file as well. The last out of a demoting segment: nobody is in it, nobody
    /// can get in, and so nobody can count an entry out.</summary>
    internal void Demote(int segment)
    {
        Segment* entry = this[segment];
        _budget.Add(-entry->Live, -(long)(uint)entry->Tally);
        _counters.Add(Counter.LogicalBytes, -entry->Logical);
        _counters.Add(Counter.FilePages, entry->Tally >> 32);
        _counters.Add(Counter.FileLiveBytes, (long)entry->Live << Location.UnitShift);
        Files.Of(entry).CountSegment(entry->Log, _logs[entry->Log]!.Holds(entry), entry->Live << Location.UnitShift);
        _logs[entry->Log]!.TakeMemoryBack(segment);
        SegmentWord.CompleteDemote(&entry->Word);
        RetireIfEmpty(segment, SegmentState.Sealed);
    }
}
