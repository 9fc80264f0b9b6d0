using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The sealed segments of a log that are in memory. Finds, without searching all of them: the coldest; the coldest with redundant
/// entries; the one with the most dead bytes; the one left alone longest; and whether any is about to give up its memory.</summary>
/// <remarks>
/// Three heaps and a set of lists, all indexed by chunk. They hold no facts of their own: <see cref="Refresh"/> makes them agree with the
/// state of the segment that has a chunk, and with the mark of redundant entries in it.
/// A thread that changes a segment's state (seals it, ends a claim on it, gives it another place in the order, lets an entry in it die)
/// calls Refresh afterwards, so after the last change the lists are right. Until then they may be out of date: a segment that is found is
/// therefore checked again under the gate, and again by the caller once it has pinned or claimed it. A segment found claimed, or being
/// written, is taken out of the lists; the thread that ends the claim or the write puts it back.
///
/// The gate is the innermost one: no other gate is taken under it.
/// </remarks>
internal sealed unsafe class SealedSegments
{
    private const int None = -1;

    /// <summary>The list of segments about to leave memory: nothing in them is alive, or they are in a file as well. The lists before it
    /// are by <see cref="DeadShare"/>.</summary>
    private const int Leaving = DeadShare.Ranks;
    private const int Lists = DeadShare.Ranks + 1;

    /// <summary>Segments of one rank that are compared, at most, to find the one with the fewest live bytes.</summary>
    private const int MaxCompared = 32;

    private readonly ChunkMemory _chunks;
    private readonly SegmentTable _table;
    private readonly int _segmentBytes;
    private readonly Gate _gate = new();
    private readonly Reservation _memory;
    private readonly NumberLists _byDead;
    private readonly ChunkHeap _bySeal;
    private readonly ChunkHeap _byVisit;
    private readonly ChunkHeap _byRedundant;

    /// <summary>By chunk, a mark: there may be redundant entries in its segment. Set by the thread that has published one; taken by the thread
    /// that is about to drop them. A mark left from a segment that had the chunk before costs a look.</summary>
    private readonly int[] _redundant;

    internal SealedSegments(ChunkMemory chunks, SegmentTable table, int segmentBytes)
    {
        _chunks = chunks;
        _table = table;
        _segmentBytes = segmentBytes;
        _bySeal = new ChunkHeap(chunks.Count);
        _byVisit = new ChunkHeap(chunks.Count);
        _byRedundant = new ChunkHeap(chunks.Count);
        Visits = new ColdVisit[chunks.Count];
        _redundant = new int[chunks.Count];
        _memory = new Reservation(NumberLists.Bytes(Lists, chunks.Count), accessible: true);
        _byDead = new NumberLists(_memory.Address, Lists);
    }

    /// <summary>How far the recompressor has come with each segment, by chunk.</summary>
    internal ColdVisit[] Visits { get; }

    /// <summary>Makes the heaps and lists agree with the segment that has a chunk now, if any.</summary>
    internal void Refresh(int chunk)
    {
        if (chunk == Segment.NoChunk)
        {
            return;
        }

        using Gate.Scope held = _gate.Enter();
        RefreshUnsynchronized(chunk);
    }

    /// <summary>Notes that an entry of a segment has died. Must be called before the caller checks whether anything is left
    /// alive.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="live">Bytes that are left alive.</param>
    /// <param name="died">Bytes that have died.</param>
    internal void NoteDead(Segment* segment, int live, int died)
    {
        // Pairs with the fence in Seal: either this thread sees the segment's final length, or the sealing thread sees the entry dead.
        Fences.AfterInterlocked();

        // The thread that ends a claim calls Refresh after it. Since the claim is still seen here, that thread will see this entry dead.
        if (live != 0 && SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Cleaning)
        {
            return;
        }

        int used = segment->Used;
        if (live == 0 || DeadShare.InMemory(used, live, _segmentBytes) != DeadShare.InMemory(used, live + died, _segmentBytes))
        {
            Refresh(segment->Chunk);
        }
    }

    /// <summary>The segment that is first in the order of <see cref="Segment.SealedAt"/>, of those that hold live entries and that no
    /// thread is emptying or writing; −1 when there is none.</summary>
    internal int FindColdest()
    {
        using Gate.Scope held = _gate.Enter();
        while (_bySeal.First is not ChunkHeap.None and int chunk)
        {
            if (Findable(chunk) is { } number)
            {
                return number;
            }

            _bySeal.Remove(chunk);
        }

        return None;
    }

    /// <summary>There is a redundant entry in the segment that has a chunk. The first of a segment takes the gate, the others only look at
    /// the mark.</summary>
    internal void NoteRedundant(int chunk)
    {
        if (Shared.Read(SharedWord.SegmentLive, ref _redundant[chunk]) == 0)
        {
            Shared.Write(SharedWord.SegmentLive, ref _redundant[chunk], 1);
            Refresh(chunk);
        }
    }

    /// <summary>Takes the mark of a chunk: the caller looks for redundant entries in its segment.</summary>
    internal bool TryTakeRedundant(int chunk) =>
        Shared.Read(SharedWord.SegmentLive, ref _redundant[chunk]) != 0
        && Shared.Exchange(SharedWord.SegmentLive, ref _redundant[chunk], 0) != 0;

    /// <summary>Finds the coldest segment that may have redundant entries, and takes its mark.</summary>
    /// <param name="chunk">Its chunk, for a caller that has to put the mark back.</param>
    /// <returns>Its number; −1 when there is none.</returns>
    internal int TakeRedundant(out int chunk)
    {
        using Gate.Scope held = _gate.Enter();
        while (_byRedundant.First is not ChunkHeap.None and int first)
        {
            // Back only with the next mark, or, if a thread has it claimed now, when that ends its claim.
            _byRedundant.Remove(first);
            if (Findable(first) is { } number && TryTakeRedundant(first))
            {
                chunk = first;
                return number;
            }
        }

        chunk = None;
        return None;
    }

    /// <summary>The chunk of the segment left alone longest that may still have entries to compress again; −1 when there is none.</summary>
    /// <param name="since">When it was sealed or visited last.</param>
    internal int FindLeftAlone(out long since)
    {
        using Gate.Scope held = _gate.Enter();
        while (_byVisit.First is not ChunkHeap.None and int chunk)
        {
            if (Cleanable(chunk) is not null)
            {
                since = _byVisit.KeyOf(chunk);
                return chunk;
            }

            _byVisit.Remove(chunk);
        }

        since = ColdVisit.Settled;
        return None;
    }

    /// <summary>Whether the segment that has a chunk may be visited, to compress its entries again.</summary>
    /// <remarks>The chunk may be lent to another segment meanwhile: the caller must check again.</remarks>
    internal bool IsLeftAlone(int chunk) => Cleanable(chunk) is not null;

    /// <summary>The segment whose emptying gains most, among those with enough dead bytes; −1 when there is none. Where very many share the
    /// highest rank, it is the best to within that rank.</summary>
    /// <param name="minDead">Dead bytes that it must have.</param>
    internal int FindDeadest(int minDead)
    {
        using Gate.Scope held = _gate.Enter();
        int lowest = DeadShare.AtLeast(minDead, _segmentBytes);
        for (int rank = DeadShare.Ranks - 1; rank >= lowest; rank--)
        {
            int best = None;
            int fewest = int.MaxValue;
            int compared = 0;
            for (int chunk = _byDead.First(rank); chunk != NumberLists.None && compared < MaxCompared;)
            {
                int next = _byDead.Next(chunk);
                if (Cleanable(chunk) is not { } number)
                {
                    _byDead.Put(chunk, NumberLists.None);
                }
                else if (DeadIn(number) >= minDead)
                {
                    int live = Volatile.Read(ref _table[number]->Live);
                    (best, fewest) = live < fewest ? (number, live) : (best, fewest);
                    compared++;
                }

                chunk = next;
            }

            if (best != None)
            {
                return best;
            }
        }

        return None;
    }

    /// <summary>Whether the dead bytes of all segments that can be emptied add up to more than so many. Stops counting as soon as they
    /// do.</summary>
    internal bool IsDeadBeyond(long bytes)
    {
        using Gate.Scope held = _gate.Enter();
        for (int rank = DeadShare.Ranks - 1; rank >= 0; rank--)
        {
            for (int chunk = _byDead.First(rank); chunk != NumberLists.None; chunk = _byDead.Next(chunk))
            {
                bytes -= Cleanable(chunk) is { } number ? DeadIn(number) : 0;
                if (bytes < 0)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Whether a segment is about to be free: it is empty or written and waits only for its readers, or it is on its way from the
    /// last reader to the free list. A segment that is still being written does not count: that takes as long as the device does.</summary>
    internal bool IsAnyLeaving()
    {
        using Gate.Scope held = _gate.Enter();
        for (int chunk = _byDead.First(Leaving); chunk != NumberLists.None; chunk = _byDead.Next(chunk))
        {
            int number = _chunks.HolderOf(chunk);
            if (number >= 0 && IsLeaving(_table[number]))
            {
                return true;
            }
        }

        return false;
    }

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release() => _memory.Release();

    private void RefreshUnsynchronized(int chunk)
    {
        int number = _chunks.HolderOf(chunk);
        bool isFindable = number >= 0 && IsFindable(_table[number]);
        if (isFindable)
        {
            _bySeal.Set(chunk, _table[number]->SealedAt);
        }
        else
        {
            _bySeal.Remove(chunk);
        }

        if (isFindable && Shared.Read(SharedWord.SegmentLive, ref _redundant[chunk]) != 0)
        {
            _byRedundant.Set(chunk, _table[number]->SealedAt);
        }
        else
        {
            _byRedundant.Remove(chunk);
        }

        long since = isFindable ? Volatile.Read(ref Visits[chunk].Since) : ColdVisit.Settled;
        if (since != ColdVisit.Settled)
        {
            _byVisit.Set(chunk, since);
        }
        else
        {
            _byVisit.Remove(chunk);
        }

        int list = NumberLists.None;
        if (number >= 0)
        {
            list = isFindable ? RankOf(_table[number]) : MayLeave(_table[number]) ? Leaving : NumberLists.None;
        }

        _byDead.Put(chunk, list);
    }

    private int RankOf(Segment* segment) =>
        DeadShare.InMemory(segment->Used, Volatile.Read(ref segment->Live) << Location.UnitShift, _segmentBytes);

    private int DeadIn(int number) => _table[number]->Used - (Volatile.Read(ref _table[number]->Live) << Location.UnitShift);

    private int? Findable(int chunk) => _chunks.HolderOf(chunk) is >= 0 and int number && IsFindable(_table[number]) ? number : null;

    private int? Cleanable(int chunk) => Findable(chunk) is { } number && _table[number]->Damaged == 0 ? number : null;

    private static bool IsFindable(Segment* segment) =>
        SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Sealed
        && segment->File == 0
        && Volatile.Read(ref segment->Live) != 0;

    private static bool MayLeave(Segment* segment) => SegmentWord.State(SegmentWord.Load(&segment->Word)) switch
    {
        SegmentState.Draining or SegmentState.Demoting or SegmentState.Free => true,
        SegmentState.Sealed or SegmentState.Cleaning => Volatile.Read(ref segment->Live) == 0,
        _ => false,
    };

    private static bool IsLeaving(Segment* segment) => SegmentWord.State(SegmentWord.Load(&segment->Word)) switch
    {
        SegmentState.Draining => segment->File == 0,
        SegmentState.Demoting or SegmentState.Free => true,
        _ => false,
    };
}

/// <summary>Says of a chunk that there may be redundant entries in its segment.</summary>
internal readonly record struct SegmentMark(SealedSegments Segments, int Chunk)
{
    internal void Set() => Segments.NoteRedundant(Chunk);
}
