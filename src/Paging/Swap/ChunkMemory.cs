using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The memory of a log, in chunks of one segment each. A chunk is lent to a segment, free, or not committed.</summary>
/// <remarks>Members that end in Unsynchronized are called under the budget's gate, which guards the lists of all logs. The others take the
/// gate themselves, or read a count that may have changed by the time they return. A log holds back chunks for its own cleaner and for
/// last-resort evictions (rule 9).</remarks>
internal sealed unsafe partial class ChunkMemory
{
    private const int None = -1;
    private const long HugePool = 64L << 20;

    private readonly PoolBudget _budget;
    private readonly Reservation _memory;
    private readonly int _chunkBytes;

    /// <summary>Whether the pool was large enough for huge pages at first.</summary>
    private readonly bool _isHuge;

    /// <summary>Where the memory has holes.</summary>
    private readonly HugeZones _zones;

    /// <summary>The segment that each chunk is lent to, or none. Written under the budget's gate, read without it.</summary>
    private readonly int[] _holders;

    /// <summary>Chunks with memory that are lent to no segment. The count is read without the gate.</summary>
    private readonly int[] _free;
    private int _freeCount;

    /// <summary>Chunks whose memory was given back.</summary>
    private readonly int[] _absent;
    private int _absentCount;

    /// <summary>Chunks from here on have never had memory.</summary>
    private int _fresh;

    /// <summary>Bytes of the memory, from its start, that are usable.</summary>
    private long _accessible;

    /// <summary>Threads that are moving a segment of a file into the log through its reserve, and have not given that back yet.</summary>
    private int _emptiers;

    internal ChunkMemory(PoolBudget budget, LogGeometry geometry)
    {
        _budget = budget;
        _chunkBytes = geometry.SegmentBytes;
        _isHuge = budget.Bytes >= HugePool;
        HeldBack = 1 + geometry.LastResortSegments;
        (Count, _memory) = Reserve(budget, geometry);
        _zones = new HugeZones(_memory, _isHuge, (long)geometry.SegmentCount * _chunkBytes);
        _holders = new int[Count];
        Array.Fill(_holders, None);
        _free = new int[Count];
        _absent = new int[Count];
    }

    /// <summary>The most chunks that there can ever be.</summary>
    internal int Count { get; }

    /// <summary>The chunks that the budget would buy as it is now.</summary>
    internal int Affordable => (int)Math.Min(Count, _budget.LimitBytes / ChargedBytes);

    /// <summary>The number of chunks in the reserve: one for the cleaner, and those of last resort.</summary>
    internal int HeldBack { get; }

    /// <summary>The bytes that a segment with memory takes of the budget: its own, and its entry in the table.</summary>
    internal int ChargedBytes => _chunkBytes + Segment.Size;

    internal int FreeCount => Volatile.Read(ref _freeCount);

    /// <summary>Whether the whole reserve is free.</summary>
    internal bool HasReserve => FreeCount >= HeldBack;

    internal byte* Address(int chunk) => _memory.Address + ((long)chunk * _chunkBytes);

    /// <summary>The segment that a chunk is lent to; −1 when there is none.</summary>
    internal int HolderOf(int chunk) => Volatile.Read(ref _holders[chunk]);

    /// <summary>Whether a store of a level would find a free chunk that has memory.</summary>
    internal bool HasFreeChunk(StoreLevel level)
    {
        TestHook.Reach(SharedWord.Counter);
        return FreeCount > Floor(level);
    }

    /// <summary>Whether a store would find a free chunk, or budget for one.</summary>
    internal bool HasRoom => HasFreeChunk(StoreLevel.Normal) || _budget.RemainingBytes >= ChargedBytes;

    /// <summary>Whether fewer than so many chunks, beyond those held back, are free or can still be charged to the budget.</summary>
    internal bool IsShortBy(int ahead) =>
        FreeCount < HeldBack + ahead && _budget.RemainingBytes < (long)ahead * ChargedBytes;

    /// <summary>Commits the chunks that the log holds back. False when the budget has no room for them.</summary>
    internal bool TryReserveUnsynchronized()
    {
        while (_freeCount < HeldBack)
        {
            if (!TryCommitUnsynchronized())
            {
                return false;
            }

            NoteReservedUnsynchronized();
        }

        return true;
    }

    /// <summary>Undoes <see cref="TryReserveUnsynchronized"/> of a log that no other thread has seen.</summary>
    internal void AbandonReserveUnsynchronized() => _budget.ChargeUnsynchronized(-(long)_freeCount * ChargedBytes);

    /// <summary>Makes sure that there is a free chunk for a level. New memory is preferred to what is held back.</summary>
    internal bool TryProvideUnsynchronized(StoreLevel level)
    {
        if (_freeCount <= HeldBack)
        {
            TryCommitUnsynchronized();
        }

        return _freeCount > FloorOfTaking(level);
    }

    /// <summary>The free chunk that is lent next. Valid once one has been provided.</summary>
    internal int FirstFreeUnsynchronized => _free[_freeCount - 1];

    /// <summary>Lends <see cref="FirstFreeUnsynchronized"/> to a segment.</summary>
    internal void LendUnsynchronized(int segment)
    {
        int chunk = FirstFreeUnsynchronized;
        Volatile.Write(ref _freeCount, _freeCount - 1);
        Volatile.Write(ref _holders[chunk], segment);
    }

    /// <summary>Takes a chunk back from a segment. Its memory goes back to the system if <paramref name="stock"/> chunks or more are free
    /// beyond those held back; if the budget shrinks, unless the chunk is one of those.</summary>
    internal void TakeBackUnsynchronized(int chunk, int stock)
    {
        Volatile.Write(ref _holders[chunk], None);
        int kept = _budget.IsOver ? 0 : stock;
        if (_freeCount - HeldBack < kept || !TryDropUnsynchronized(chunk))
        {
            _free[_freeCount] = chunk;
            Volatile.Write(ref _freeCount, _freeCount + 1);
            _budget.NoteReturnUnsynchronized();
        }
    }

    /// <summary>Refills the reserve from the budget, as far as that allows. True when all of the reserve is free.</summary>
    internal bool TryRefill()
    {
        if (HasReserve)
        {
            return true;
        }

        using Gate.Scope held = _budget.Gate.Enter();
        while (_freeCount < HeldBack && TryCommitUnsynchronized())
        {
        }

        return _freeCount >= HeldBack;
    }

    /// <summary>Gives back the memory of free chunks except the reserve, for another log or for the system. True when any was given
    /// back.</summary>
    /// <param name="max">Of so many chunks, at most.</param>
    internal bool TryTrim(long max = long.MaxValue)
    {
        bool any = false;
        using (_budget.Gate.Enter())
        {
            for (; max > 0 && _freeCount > HeldBack && TryDropUnsynchronized(_free[_freeCount - 1]); max--)
            {
                Volatile.Write(ref _freeCount, _freeCount - 1);
                any = true;
            }
        }

        return any;
    }

    /// <summary>Whether a thread is moving a segment of a file into the log through the log's reserve.</summary>
    internal bool IsBeingEmptiedInto
    {
        get
        {
            return Shared.Read(SharedWord.Counter, ref _emptiers) != 0;
        }
    }

    /// <summary>Whether, as things stand now, <see cref="TryBeginEmptying"/> would return true and a segment would be left to move
    /// to.</summary>
    internal bool MayBeEmptiedInto => TryRefill() || (HasFreeChunk(StoreLevel.Cleaner) && !IsBeingEmptiedInto);

    /// <summary>Begins to move a segment of a file into the log through the log's reserve. If it returns true, the caller ends it with
    /// <see cref="EndEmptying"/>.</summary>
    /// <remarks>
    /// Each thread takes one segment and gives it back, so while one is at work the next must find the reserve whole. Two threads may both
    /// find it whole; the one that then gets no room learns so from <see cref="EndEmptying"/>.
    /// A thread that is alone finds the reserve short when pages were evicted as a last resort, or when the device failed to take the
    /// segment whose memory was to be given back. It may then use the rest of the reserve, the cleaner's segment too. Otherwise nothing
    /// would ever make the reserve whole again, and no dead space in the log's segments could be recovered.
    /// </remarks>
    /// <param name="level">How much of the reserve it may use.</param>
    internal bool TryBeginEmptying(out StoreLevel level)
    {
        bool isAlone = Shared.Increment(SharedWord.Counter, ref _emptiers) == 1;
        bool isWhole = TryRefill();
        level = isWhole ? StoreLevel.FileCleaner : StoreLevel.Cleaner;
        if (isWhole || isAlone)
        {
            return true;
        }

        EndEmptying();
        return false;
    }

    /// <summary>Ends what <see cref="TryBeginEmptying"/> began.</summary>
    /// <returns>True when no other thread is moving a segment of a file into the log.</returns>
    internal bool EndEmptying()
    {
        return Shared.Decrement(SharedWord.Counter, ref _emptiers) == 0;
    }

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release() => _memory.Release();

    /// <summary>Takes addresses for as many chunks as the budget can grow to; where addresses are short, for fewer.</summary>
    private static (int Count, Reservation Memory) Reserve(PoolBudget budget, LogGeometry geometry)
    {
        long charged = (long)geometry.SegmentBytes + Segment.Size;
        int count = (int)Math.Min(Math.Max(geometry.SegmentCount, budget.ReservedBytes / charged), LogGeometry.MaxSegments);
        while (true)
        {
            try
            {
                var memory = new Reservation((long)count * geometry.SegmentBytes, accessible: false);
                budget.CapUnsynchronized(Math.Max(budget.Bytes, (count * charged) + charged - 1));
                return (count, memory);
            }
            catch (InsufficientMemoryException) when (count > geometry.SegmentCount)
            {
                count = Math.Max(geometry.SegmentCount, count / 2);
            }
        }
    }

    /// <summary>The number of chunks that a level must leave free.</summary>
    private int Floor(StoreLevel level) => level switch
    {
        StoreLevel.NoRoom or StoreLevel.AtHand or StoreLevel.Normal => HeldBack,
        StoreLevel.FileCleaner => HeldBack - 1,
        StoreLevel.LastResort => 1,
        _ => 0,
    };

    /// <summary>Commits one more chunk, if the budget and the system grant it.</summary>
    private bool TryCommitUnsynchronized()
    {
        if (_budget.RemainingBytes < ChargedBytes)
        {
            return false;
        }

        int chunk;
        if (_absentCount > 0)
        {
            chunk = _absent[--_absentCount];
            _zones.Fill((long)chunk * _chunkBytes, _chunkBytes, _accessible);
        }
        else if (_fresh < Count && TryMakeAccessible((_fresh + 1L) * _chunkBytes))
        {
            // In order of address, so that neighbouring chunks join to ranges that huge pages can back.
            chunk = _fresh++;
            CollapseFresh(chunk);
        }
        else
        {
            _budget.RefusedBytes = _memory.RefusedBytes;
            return false;
        }

        _budget.RefusedBytes = 0;
        _budget.ChargeUnsynchronized(ChargedBytes);
        _free[_freeCount] = chunk;
        Volatile.Write(ref _freeCount, _freeCount + 1);
        return true;
    }

    /// <summary>Makes the memory usable up to an end. In a pool large enough for huge pages, that is rounded up to the next huge page: the
    /// system gives a huge page only where all of it is usable when it is first touched.</summary>
    private bool TryMakeAccessible(long end)
    {
        if (end <= _accessible)
        {
            return true;
        }

        long unit = _isHuge ? Reservation.HugePageBytes : 1;
        end = Math.Min((end + unit - 1) / unit * unit, _memory.Bytes);
        if (!_memory.TryCommit(_accessible, end - _accessible, _isHuge && _zones.IsWhole(_accessible)))
        {
            return false;
        }

        _accessible = end;
        return true;
    }

    /// <summary>Joins chunks to a huge page once they fill one, in a pool too small to be committed by huge pages.</summary>
    private void CollapseFresh(int chunk)
    {
        long before = (long)chunk * _chunkBytes / Reservation.HugePageBytes;
        long after = (chunk + 1L) * _chunkBytes / Reservation.HugePageBytes;
        if (!_isHuge && after > before && _absentCount == 0)
        {
            _memory.Collapse(before * Reservation.HugePageBytes, (after - before) * Reservation.HugePageBytes);
        }
    }

    /// <summary>Gives a free chunk's memory back. If the system refuses, the chunk stays free, with its memory.</summary>
    private bool TryDropUnsynchronized(int chunk)
    {
        long offset = (long)chunk * _chunkBytes;
        _zones.Open(offset, _chunkBytes);
        if (!_memory.TryDecommit(offset, _chunkBytes))
        {
            _zones.Fill(offset, _chunkBytes, _accessible);
            return false;
        }

        _budget.ChargeUnsynchronized(-ChargedBytes);
        _absent[_absentCount++] = chunk;
        return true;
    }
}
