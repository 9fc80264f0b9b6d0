using System.Diagnostics;
using Paging.Diagnostics;
using Paging.Memory;

namespace Paging.Swap;

/// <summary>The segments of one size: their memory, their free list, the writers that append to them.</summary>
/// <remarks>A pager has one log for its ordinary pages and further ones only for pages that do not fit its segments. They share
/// the pool's budget. Every log holds back segments for its own cleaner and for last-resort evictions (rule 9).</remarks>
internal sealed unsafe partial class SegmentLog
{
    private const int NoSegment = -1;

    private readonly SegmentTable _table;
    private readonly PoolBudget _budget;
    private readonly DescriptorTable _descriptors;
    private readonly Reservation _memory;
    private readonly LogWriter[] _writers;

    /// <summary>Where the memory has holes. Under the budget's gate.</summary>
    private readonly HugeZones _zones;

    /// <summary>The segment that each chunk of memory is lent to, or none. Written under the budget's gate.</summary>
    private readonly int[] _holders;

    /// <summary>Chunks with memory that no segment has. Under the budget's gate.</summary>
    private readonly int[] _free;
    private int _freeCount;

    /// <summary>Chunks whose memory was given back. Under the budget's gate.</summary>
    private readonly int[] _absent;
    private int _absentCount;

    /// <summary>Chunks from here on have never had memory. Under the budget's gate.</summary>
    private int _fresh;

    /// <summary>Memory up to here is usable. Under the budget's gate.</summary>
    private long _accessible;

    internal SegmentLog(
        SegmentTable table, PoolBudget budget, DescriptorTable descriptors, Recompressor recompressor, LogGeometry geometry, int writers)
    {
        _table = table;
        _budget = budget;
        _descriptors = descriptors;
        _recompressor = recompressor;
        Geometry = geometry;
        _memory = new Reservation((long)SegmentCount * SegmentBytes, accessible: false);
        _zones = new HugeZones(_memory, IsHuge);
        _holders = new int[SegmentCount];
        Array.Fill(_holders, NoSegment);
        _free = new int[SegmentCount];
        _absent = new int[SegmentCount];
        _writers = new LogWriter[Math.Clamp(writers, 1, Math.Max(1, SegmentCount / 16))];
        for (int i = 0; i < _writers.Length; i++)
        {
            _writers[i] = new LogWriter(this);
        }

        _moves = new LogWriter(this);
        _cold = new LogWriter(this);
        _visits = new Visit[SegmentCount];
        try
        {
            EntryBuffers = Buffers(BlockRange.MostBytes(EntryHeader.UnitsFor(geometry.MaxPage) << Location.UnitShift), most: 32, huge: true);
            SegmentBuffers = Buffers(BlockRange.MostBytes(SegmentBytes), most: 2, huge: false);
        }
        catch
        {
            _memory.Release();
            EntryBuffers?.Dispose();
            throw;
        }
    }

    internal LogGeometry Geometry { get; }

    internal int SegmentBytes => Geometry.SegmentBytes;

    /// <summary>Segments that can be in memory at once: chunks.</summary>
    internal int SegmentCount => Geometry.SegmentCount;

    /// <summary>What a segment with memory takes of the budget: itself, and its entry in the table.</summary>
    private int ChargedBytes => SegmentBytes + Segment.Size;

    /// <summary>The log's number in the table. Constant once it is known there.</summary>
    internal byte Index { get; set; }

    internal SegmentTable Table => _table;

    /// <summary>Chunks held back: one for the cleaner, and those of last resort.</summary>
    internal int HeldBack => 1 + Geometry.LastResortSegments;

    /// <summary>Whether an ordinary store that needs a segment would find one without cleaning.</summary>
    internal bool HasRoom
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            return Volatile.Read(ref _freeCount) > HeldBack || _budget.RemainingBytes >= ChargedBytes;
        }
    }

    /// <summary>The segment that a chunk is lent to; −1 when there is none.</summary>
    internal int HolderOf(int chunk) => Volatile.Read(ref _holders[chunk]);

    /// <summary>Commits what the log holds back. False when the budget has no room for that.</summary>
    internal bool TryReserveUnsynchronized()
    {
        while (_freeCount < HeldBack)
        {
            if (!TryCommitUnsynchronized(1))
            {
                return false;
            }

            if (TestHook.Breaks(Mutation.UncountedReserve))
            {
                _budget.ChargeUnsynchronized(-ChargedBytes);
            }
        }

        return true;
    }

    /// <summary>Undoes <see cref="TryReserveUnsynchronized"/> for a log that nobody has seen.</summary>
    internal void AbandonUnsynchronized()
    {
        _budget.ChargeUnsynchronized(-(long)_freeCount * ChargedBytes);
        Release();
    }

    /// <summary>A writer that no other thread uses until it is given back.</summary>
    internal LogWriter Borrow()
    {
        Spinner spinner = default;
        while (true)
        {
            int start = TestHook.Interleaver?.Thread ?? Environment.CurrentManagedThreadId;
            for (int i = 0; i < _writers.Length; i++)
            {
                LogWriter writer = _writers[(int)((uint)(start + i) % (uint)_writers.Length)];
                if (writer.TryBorrow())
                {
                    return writer;
                }
            }

            // Whoever has them is encoding one page or cleaning one segment.
            spinner.Once();
        }
    }

    /// <summary>Takes a free segment and opens it; −1 when the level may have none.</summary>
    internal int TryTake(StoreLevel level)
    {
        int floor = TestHook.Breaks(Mutation.SpendCleanerReserve) ? 0 : Floor(level);
        int segment;
        _budget.Gate.Enter();
        try
        {
            if (_freeCount <= HeldBack)
            {
                // Rather new memory than what is held back.
                TryCommitUnsynchronized(1);
            }

            if (_freeCount <= floor)
            {
                return NoSegment;
            }

            segment = _table.TryTakeNumberUnsynchronized();
            if (segment < 0)
            {
                return NoSegment;
            }

            int chunk = _free[_freeCount - 1];
            Volatile.Write(ref _freeCount, _freeCount - 1);
            Lend(chunk, segment);
            if (IsShort)
            {
                _budget.Signal?.Wake();
            }
        }
        finally
        {
            _budget.Gate.Exit();
        }

        SegmentWord.Open(&_table[segment]->Word);
        return segment;
    }

    /// <summary>Takes a free segment, cleaning as long as that yields any.</summary>
    internal int TakeOrClean(StoreLevel level)
    {
        while (true)
        {
            int segment = TryTake(level);
            if (segment >= 0 || !TryClean(level))
            {
                return segment;
            }
        }
    }

    /// <summary>Chunks that a level must leave free.</summary>
    private int Floor(StoreLevel level) => level switch
    {
        StoreLevel.NoRoom or StoreLevel.AtHand or StoreLevel.Normal => HeldBack,
        StoreLevel.FileCleaner => HeldBack - 1,
        StoreLevel.LastResort => 1,
        _ => 0,
    };

    /// <summary>Whether all is free that is held back.</summary>
    internal bool HasReserve => Volatile.Read(ref _freeCount) >= HeldBack;

    /// <summary>Whether all is free that is held back, or can be had of the budget.</summary>
    internal bool TryRefill()
    {
        if (HasReserve)
        {
            return true;
        }

        _budget.Gate.Enter();
        try
        {
            while (_freeCount < HeldBack && TryCommitUnsynchronized(1))
            {
            }

            return _freeCount >= HeldBack;
        }
        finally
        {
            _budget.Gate.Exit();
        }
    }

    /// <summary>Whether a level would find a free chunk that has memory.</summary>
    internal bool HasFreeChunk(StoreLevel level)
    {
        TestHook.Reach(SharedWord.Counter);
        return Volatile.Read(ref _freeCount) > Floor(level);
    }

    /// <summary>Whether a level would find a free chunk, or memory for one.</summary>
    internal bool HasFree(StoreLevel level) => HasFreeChunk(level) || _budget.RemainingBytes >= ChargedBytes;

    /// <summary>Seals a segment that the caller has open.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="age">Its place in the order in which segments grow cold, where that is an earlier one than now.</param>
    internal void Seal(int segment, long age = long.MaxValue)
    {
        Segment* entry = _table[segment];
        entry->SealedAt = Math.Min(age, _table.NextSeal());
        NoteSealed(entry->Chunk);
        SegmentWord.Seal(&entry->Word);
        // Entries freed while it was open left that to us.
        _table.RetireIfEmpty(segment, SegmentState.Sealed);
    }

    /// <summary>Takes back a segment in state Free: its number, and its memory.</summary>
    internal void Return(int segment)
    {
        _budget.Gate.Enter();
        try
        {
            if (_table[segment]->Chunk != Segment.NoChunk)
            {
                TakeChunkBackUnsynchronized(segment, keep: false);
            }

            _table.GiveNumberBackUnsynchronized(segment);
        }
        finally
        {
            _budget.Gate.Exit();
        }
    }

    /// <summary>Takes back the memory of a segment that is in a file and has no readers.</summary>
    internal void TakeMemoryBack(int segment)
    {
        _budget.Gate.Enter();
        try
        {
            // It was written to make room: somebody wants the memory. And this is the engine's thread, which has transfers to see to.
            TakeChunkBackUnsynchronized(segment, keep: true);
        }
        finally
        {
            _budget.Gate.Exit();
        }
    }

    /// <summary>Gives the memory of free segments, but for those held back, to whoever needs it: another log, or the system.</summary>
    internal bool TryTrim()
    {
        bool any = false;
        _budget.Gate.Enter();
        try
        {
            while (_freeCount > HeldBack && TryDropUnsynchronized(_free[_freeCount - 1]))
            {
                Volatile.Write(ref _freeCount, _freeCount - 1);
                any = true;
            }
        }
        finally
        {
            _budget.Gate.Exit();
        }

        return any;
    }

    /// <summary>A page has been appended.</summary>
    internal void NoteStored() => _recompressor.NoteStored();

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release()
    {
        _memory.Release();
        EntryBuffers.Dispose();
        SegmentBuffers.Dispose();
    }

    private void Lend(int chunk, int segment)
    {
        Segment* entry = _table[segment];
        Debug.Assert(Volatile.Read(ref entry->Live) == 0 && entry->Tally == 0 && entry->Logical == 0 && entry->File == 0);
        entry->Address = _memory.Address + ((long)chunk * SegmentBytes);
        entry->Chunk = chunk;
        entry->Log = Index;
        entry->Used = 0;
        entry->Damaged = 0;
        entry->Loaded = 0;
        entry->SealedAt = _table.NextSeal();
        BeginVisits(chunk);
        Volatile.Write(ref _holders[chunk], segment);
    }

    /// <summary>Memory beyond a small stock goes back to the system, unless it is to be kept.</summary>
    private void TakeChunkBackUnsynchronized(int segment, bool keep)
    {
        Segment* entry = _table[segment];
        int chunk = entry->Chunk;
        entry->Chunk = Segment.NoChunk;
        Volatile.Write(ref _holders[chunk], NoSegment);
        if (keep || _freeCount < HeldBack + Stock || !TryDropUnsynchronized(chunk))
        {
            _free[_freeCount] = chunk;
            Volatile.Write(ref _freeCount, _freeCount + 1);
        }
    }

    /// <summary>Free chunks that keep their memory, so that a pool whose fill swings a little makes no system calls.</summary>
    /// <remarks>Before a file the free ones come and go as segments are written ahead: all of those stay.</remarks>
    private int Stock => 1 + (SegmentCount >> 5) + (_table.Files.IsAny ? Ahead + Writeback.Depth : 0);

    private const long HugePool = 64L << 20;

    private bool IsHuge => _budget.Bytes >= HugePool;

    private bool TryCommitUnsynchronized(int count)
    {
        bool any = false;
        for (; count > 0 && _budget.RemainingBytes >= ChargedBytes; count--)
        {
            int ordinal;
            if (_absentCount > 0)
            {
                ordinal = _absent[--_absentCount];
                _zones.Fill((long)ordinal * SegmentBytes, SegmentBytes, _accessible);
            }
            else if (_fresh < SegmentCount)
            {
                if (!TryMakeAccessible((_fresh + 1L) * SegmentBytes))
                {
                    return any;
                }

                // In order of address, so that neighbours join to ranges that huge pages can back.
                ordinal = _fresh++;
                CollapseFresh(ordinal, 1);
            }
            else
            {
                return any;
            }

            _budget.ChargeUnsynchronized(ChargedBytes);
            _free[_freeCount] = ordinal;
            Volatile.Write(ref _freeCount, _freeCount + 1);
            any = true;
        }

        return any;
    }

    /// <summary>Makes the memory usable up to an end: up to the next huge page where the pool is large enough for those, since the system gives a
    /// huge page only where all of it is usable when it is first touched.</summary>
    private bool TryMakeAccessible(long end)
    {
        if (end <= _accessible)
        {
            return true;
        }

        long unit = IsHuge ? Reservation.HugePageBytes : 1;
        end = Math.Min((end + unit - 1) / unit * unit, _memory.Bytes);
        if (!_memory.TryCommit(_accessible, end - _accessible, IsHuge && _zones.IsWhole(_accessible)))
        {
            return false;
        }

        _accessible = end;
        return true;
    }

    /// <summary>In a pool too small to be committed by huge pages, segments add up to them.</summary>
    private void CollapseFresh(int first, int count)
    {
        long before = (long)first * SegmentBytes / Reservation.HugePageBytes;
        long after = (long)(first + count) * SegmentBytes / Reservation.HugePageBytes;
        if (!IsHuge && after > before && _absentCount == 0)
        {
            _memory.Collapse(before * Reservation.HugePageBytes, (after - before) * Reservation.HugePageBytes);
        }
    }

    /// <summary>Gives a free chunk's memory back. Should the system refuse, it stays free.</summary>
    private bool TryDropUnsynchronized(int ordinal)
    {
        long offset = (long)ordinal * SegmentBytes;
        _zones.Open(offset, SegmentBytes);
        if (!_memory.TryDecommit(offset, SegmentBytes))
        {
            _zones.Fill(offset, SegmentBytes, _accessible);
            return false;
        }

        _budget.ChargeUnsynchronized(-ChargedBytes);
        _absent[_absentCount++] = ordinal;
        return true;
    }
}
