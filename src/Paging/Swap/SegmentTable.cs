using System.Diagnostics;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>All segments of a pager by number, whichever log they belong to and wherever they are.</summary>
/// <remarks>A number is a segment's name for as long as any descriptor points to it; memory is only lent to the segment.
/// <see cref="Accounts"/> counts what is alive in it. It is found through <see cref="SealedSegments"/> of its log, or through
/// <see cref="FileSegments"/>.</remarks>
internal sealed unsafe partial class SegmentTable
{
    internal const int MaxLogs = 16;
    private const int NoNumber = -1;
    private readonly Reservation _memory;
    private readonly GrowingRange _range;
    private readonly SegmentLog?[] _logs = new SegmentLog?[MaxLogs];
    private int _logCount;
    private long _seals;

    /// <summary>Numbers from here on were never used. Guarded by the pool's gate.</summary>
    private int _end;

    /// <summary>The first of the numbers that are free again, linked through their entries. Guarded by the pool's gate.</summary>
    private int _free = NoNumber;

    internal SegmentTable(PoolBudget budget, Counters counters)
    {
        Accounts = new Accounts(budget, counters, Files);
        _memory = new Reservation((long)Location.MaxSegments * Segment.Size, accessible: false);
        _range = new GrowingRange(_memory, 0, _memory.Bytes);
        try
        {
            OnFile = new FileSegments(this);
        }
        catch
        {
            _memory.Release();
            throw;
        }
    }

    /// <summary>The bytes that the system refused when the table was last to grow; 0 when it granted them.</summary>
    internal long RefusedBytes => _memory.RefusedBytes;

    internal ReadOnlySpan<SegmentLog?> Logs => _logs.AsSpan(0, Volatile.Read(ref _logCount));

    /// <summary>One past the highest number that was ever used.</summary>
    internal int End => Volatile.Read(ref _end);

    /// <summary>The swap files, in which the segments that are not in memory are.</summary>
    internal SwapFileTable Files { get; } = new();

    /// <summary>The segments that are in files only.</summary>
    internal FileSegments OnFile { get; }

    /// <summary>The sums of live entries.</summary>
    internal Accounts Accounts { get; }

    /// <summary>The log that a segment belongs to, or belonged to last.</summary>
    internal SegmentLog LogOf(Segment* segment) => _logs[segment->Log]!;

    internal Segment* this[int index] => (Segment*)_memory.Address + index;

    /// <summary>Makes a log known, once its segments can be used. Called under the pool's gate.</summary>
    /// <returns>The log's number; −1 when there are as many logs as there can be.</returns>
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

    /// <summary>Takes a number for a segment about to be opened. Called under the pool's gate.</summary>
    /// <returns>The number; −1 when there are no more, or the system refuses memory for its entry.</returns>
    internal int TryTakeNumberUnsynchronized()
    {
        int number = _free;
        if (number != NoNumber)
        {
            _free = this[number]->NextFree;
        }
        else if (_end < Location.MaxSegments && _range.TryReach((_end + 1L) * Segment.Size) && OnFile.TryReach(_end + 1))
        {
            number = _end;
            Volatile.Write(ref _end, number + 1);
        }

        return number;
    }

    /// <summary>Gives back the number of a segment in state Free. Called under the pool's gate.</summary>
    internal void GiveNumberBackUnsynchronized(int number)
    {
        this[number]->NextFree = _free;
        _free = number;
    }

    /// <summary>The next number in the order in which segments are sealed, or are tried to be written. No two are the same.</summary>
    internal long NextSeal() => Interlocked.Increment(ref _seals);

    internal bool IsDemoting(Location location) =>
        location.Where == Location.Kind.Segment
        && SegmentWord.State(SegmentWord.Load(&this[location.Segment]->Word)) == SegmentState.Demoting;

    /// <summary>The mark of redundant entries of a segment that the caller has open. Later the segment may be sealed, emptied, freed and
    /// another log's, which has other chunks; the mark stays the one of the chunk.</summary>
    internal SegmentMark MarkOf(int segment)
    {
        Debug.Assert(SegmentWord.State(SegmentWord.Load(&this[segment]->Word)) == SegmentState.Open, "the caller has the writer");
        return new SegmentMark(LogOf(this[segment]).Sealed, this[segment]->Chunk);
    }

    internal bool TryPin(int segment, out bool onFile)
    {
        onFile = false;
        return !PinsHold || SegmentWord.TryPin(&this[segment]->Word, out onFile);
    }

    internal void Unpin(int segment)
    {
        switch (PinsHold ? SegmentWord.Unpin(&this[segment]->Word) : LastOut.Nothing)
        {
            case LastOut.Retire:
                Return(segment);
                break;
            case LastOut.Demote:
                Demote(segment);
                break;
        }
    }

    /// <summary>Counts an entry out of the segment that it was in, because it has been moved away or could not be moved there. If that
    /// empties a sealed segment, the calling thread frees it; an open segment is freed by its writer when it seals it.</summary>
    /// <remarks>The caller keeps the segment from moving between memory and file: by a pin, a claim, or because it has it open.</remarks>
    internal void Debit(int segment, in EntrySize size, bool onFile)
    {
        Segment* entry = this[segment];
        int live = Accounts.Debit(entry, size) << Location.UnitShift;
        SegmentLog log = LogOf(entry);
        if (onFile)
        {
            OnFile.NoteDead(segment, live, size.Bytes, log.Holds(entry));
        }
        else
        {
            log.Sealed.NoteDead(entry, live, size.Bytes);
        }

        if (live == 0)
        {
            RetireIfEmpty(segment, SegmentState.Sealed);
        }
    }

    /// <summary>Counts out an entry whose location has been taken out of its descriptor, wherever the entry is.</summary>
    internal void Drop(int segment, in EntrySize size)
    {
        if (!TryDropUnpinned(segment, size))
        {
            // The entry keeps its segment from being empty, so Pin waits for nothing except for readers to leave a segment just written.
            bool onFile = Pin(segment);
            DropPinned(segment, size, onFile);
        }
    }

    /// <summary>Pins a segment that holds an entry which the caller is about to count out.</summary>
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
    /// <param name="segment">The segment's number.</param>
    /// <param name="size">The size of all entries together.</param>
    /// <param name="onFile">The result of <see cref="Pin"/>.</param>
    internal void DropPinned(int segment, in EntrySize size, bool onFile)
    {
        Accounts.Freed(this[segment], size, onFile);
        bool wasDamaged = this[segment]->Damaged != 0;
        if (wasDamaged)
        {
            // The entry that could not be read or told apart may have been this one.
            this[segment]->Damaged = 0;
        }

        Debit(segment, size, onFile);
        if (wasDamaged)
        {
            LogOf(this[segment]).Sealed.Refresh(this[segment]->Chunk);
            OnFile.Refresh(segment);
        }

        Unpin(segment);
    }

    /// <summary>Ends a claim on a segment in memory. True when it is empty by now.</summary>
    internal bool EndCleaning(int segment)
    {
        Segment* entry = this[segment];
        if (Shared.Read(SharedWord.SegmentLive, &entry->Live) == 0)
        {
            RetireIfEmpty(segment, SegmentState.Cleaning);
            return true;
        }

        // Once the claim has ended, the number may be another log's at any time: what it is found by is read before.
        SealedSegments order = LogOf(entry).Sealed;
        int chunk = entry->Chunk;
        SegmentWord.AbandonCleaning(&entry->Word);
        order.Refresh(chunk);
        RetireIfEmpty(segment, SegmentState.Sealed);
        return false;
    }

    /// <summary>Ends a claim on a segment in a file, and frees the segment if it is empty by now.</summary>
    internal void EndFileCleaning(int segment)
    {
        SegmentWord.AbandonFileCleaning(&this[segment]->Word);
        OnFile.Refresh(segment);
        RetireIfEmpty(segment, SegmentState.Sealed);
    }

    internal void RetireIfEmpty(int segment, SegmentState from)
    {
        NoteRetiring(segment);
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
            log.Sealed.DecommitAll();
        }

        OnFile.DecommitAll();
        _memory.DecommitAll();
    }

    internal void Release()
    {
        foreach (SegmentLog? log in Logs)
        {
            log!.Release();
        }

        OnFile.Release();
        _memory.Release();
    }

    /// <summary>Gives back the memory of a segment that is in a file as well. Called by the last thread out of a demoting segment: no
    /// thread is in it, none can get in, and so none can count an entry out.</summary>
    internal void Demote(int segment)
    {
        Segment* entry = this[segment];
        SegmentLog log = _logs[entry->Log]!;
        Accounts.Demoted(entry, log.Holds(entry));
        log.TakeMemoryBack(segment);
        SegmentWord.CompleteDemote(&entry->Word);
        OnFile.Refresh(segment);
        RetireIfEmpty(segment, SegmentState.Sealed);
    }

    private void Return(int segment)
    {
        Segment* entry = this[segment];
        SegmentLog log = LogOf(entry);
        if (entry->File != 0)
        {
            // It was demoted: a segment that is still being written is not returned before the write has given the slot back.
            Accounts.LeftFile(entry, log.Holds(entry));
            Files.Free(entry, log.SegmentBytes);
            OnFile.Refresh(segment);
        }

        log.Return(segment);
    }
}
