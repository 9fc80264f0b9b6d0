using System.Diagnostics;
using Paging.Memory;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Whether writers have what would make room.</summary>
internal enum WriterRoom
{
    None,

    /// <summary>One that nobody uses has.</summary>
    Free,

    /// <summary>One has that a thread uses, or moves at this moment.</summary>
    Borrowed,
}

/// <summary>A log: segments of one size, and the writers that append to them.</summary>
/// <remarks>A pager has one log for its ordinary pages, and further ones only for pages that do not fit into its segments. All logs share
/// the pool's budget. The parts of a log: the memory of its segments (<see cref="Chunks"/>), the mover of entries (<see cref="Mover"/>),
/// the cleaner, which empties segments (<see cref="Cleaner"/>), and the compressor of cold pages (<see cref="Cold"/>).</remarks>
internal sealed unsafe class SegmentLog
{
    /// <summary>The pool has no chunk for a segment: one may come free.</summary>
    internal const int NoSegment = -1;

    /// <summary>There is a chunk, but the system refuses memory for one more entry of the segment table: a chunk more would not help.</summary>
    internal const int NoNumber = -2;

    /// <summary>Two of one writer, and one of the cleaner.</summary>
    internal const int OpenSegments = 3;

    /// <summary>A writer more for so many segments: each has two open at most, so all together an eighth.</summary>
    private const int SegmentsForWriter = 16;

    /// <summary>Buffers for single entries that there are however little memory they may take, unless pages are long: threads that need a
    /// page wait for one, and half of them are for what is read ahead.</summary>
    private const int MinEntryBuffers = 4;
    private const int MinEntryBufferBytes = 4 << 20;
    private const int MaxEntryBuffers = 64;
    private const int MaxSegmentBufferBytes = 4 << 20;

    private readonly SegmentTable _table;
    private readonly PoolBudget _budget;
    private readonly Headroom _headroom;
    private readonly LogWriter[] _writers;

    internal SegmentLog(
        SegmentTable table,
        PoolBudget budget,
        DescriptorTable descriptors,
        Recompressor recompressor,
        LogGeometry geometry,
        int writers,
        BufferLimits buffers)
    {
        _table = table;
        _budget = budget;
        Geometry = geometry;
        _headroom = new Headroom(budget, geometry.SegmentBytes);
        Line = new WriterLine(this);
        Chunks = new ChunkMemory(budget, geometry);
        try
        {
            Sealed = new SealedSegments(Chunks, table, geometry.SegmentBytes);
            _writers = new LogWriter[Math.Clamp(writers, 1, Math.Max(1, Chunks.Count / SegmentsForWriter))];
            for (int i = 0; i < _writers.Length; i++)
            {
                _writers[i] = new LogWriter(this);
            }

            Mover = new EntryMover(this, table, descriptors);
            Cleaner = new Cleaner(this, Mover, table, descriptors);
            Cold = new ColdCompressor(this, Mover, Cleaner, table, descriptors, recompressor);
            EntryBuffers = Entries(BlockRange.MaxBytes(EntryHeader.UnitsFor(geometry.MaxPage) << Location.UnitShift), buffers.EntryBytes);
            RunBuffers = BounceBuffers.ForRuns(buffers.RunBytes);
            int segmentBytes = BlockRange.MaxBytes(SegmentBytes);
            SegmentBuffers = new BounceBuffers(Math.Clamp(MaxSegmentBufferBytes / segmentBytes, 1, 2), segmentBytes);
        }
        catch
        {
            Chunks.Release();
            Sealed?.Release();
            EntryBuffers?.Dispose();
            RunBuffers?.Dispose();
            throw;
        }
    }

    internal LogGeometry Geometry { get; }

    internal int SegmentBytes => Geometry.SegmentBytes;

    /// <summary>The log's number in the segment table. Constant once the table knows the log.</summary>
    internal byte Index { get; set; }

    internal SegmentTable Table => _table;

    internal ChunkMemory Chunks { get; }

    internal EntryMover Mover { get; }

    internal Cleaner Cleaner { get; }

    internal ColdCompressor Cold { get; }

    /// <summary>All writers, those that the budget is too small for included.</summary>
    internal ReadOnlySpan<LogWriter> Writers => _writers;

    /// <summary>Who waits for a writer.</summary>
    internal WriterLine Line { get; }

    /// <summary>The writers in use, from the first one on.</summary>
    internal int WritersInUse => Math.Clamp(Chunks.Affordable / SegmentsForWriter, 1, _writers.Length);

    internal bool IsInUse(LogWriter writer) => Writers[..WritersInUse].Contains(writer);

    /// <summary>Seals what the writers have open that are not in use any more. A thread that looked for a writer before may still come to
    /// use one; what that leaves open is found like what any idle writer has open.</summary>
    internal void SealUnused()
    {
        foreach (LogWriter writer in Writers[WritersInUse..])
        {
            if (writer.TryBorrow())
            {
                try
                {
                    writer.DropSpare();
                    writer.Seal();
                }
                finally
                {
                    writer.GiveBack();
                }
            }
        }
    }

    /// <summary>Finds sealed segments in memory by what they are wanted for.</summary>
    internal SealedSegments Sealed { get; }

    /// <summary>Buffers for reading single entries from a file.</summary>
    internal BounceBuffers EntryBuffers { get; }

    /// <summary>Buffers for reading neighbouring entries at once. Nobody waits for one.</summary>
    internal BounceBuffers RunBuffers { get; }

    /// <summary>Buffers for reading whole segments from a file.</summary>
    internal BounceBuffers SegmentBuffers { get; }

    /// <summary>Segments beyond those held back that the background keeps free. More of them with a file, since writing a segment takes
    /// longer than emptying it in memory.</summary>
    private int Ahead => _table.Files.IsAny ? _headroom.Of(Chunks.Affordable) : Headroom.Least;

    /// <summary>Free chunks that keep their memory, so that a pool whose fill swings a little makes no system calls.</summary>
    /// <remarks>With a file, free chunks come and go as segments are written ahead, so all of those keep their memory.</remarks>
    private int Stock => 1 + (Chunks.Affordable >> 5) + (_table.Files.IsAny ? Ahead + Writeback.Depth : 0);

    /// <summary>Whether stores will soon have to make room for themselves.</summary>
    internal bool IsShort => Chunks.IsShortBy(Ahead);

    /// <summary>Whether segments with much dead space are to be emptied. With a file a little before it runs short, so that what can be
    /// gained in memory is gained before anything is written out.</summary>
    internal bool IsTight => Chunks.IsShortBy(Ahead + (_table.Files.IsAny ? Writeback.Depth : 0));

    /// <summary>Whether so much is free that what could be had from elsewhere may come in, too. Some more than the background keeps free:
    /// else it would write out, or drop, one page for another that is worth no more, on and on.</summary>
    internal bool HasUnused => !Chunks.IsShortBy(Ahead + Writeback.Depth) && Chunks.HasRoom;

    /// <summary>Notes that a page that was read from a file has found the pool without unused room.</summary>
    internal void NoteTurnedAway(int length)
    {
        if (_table.Files.IsAny)
        {
            _headroom.NoteTurnedAway(length, Chunks.Affordable);
        }
    }

    /// <summary>Whether more segments should be on their way to a file than the given number.</summary>
    internal bool IsShortBeside(int underWay) => _table.Files.IsAny && underWay < Ahead && Chunks.IsShortBy(Ahead - underWay);

    /// <summary>Bytes that a sealed segment could hold. For one that was sealed early this is more than it does hold. The rest of a segment
    /// is too short for a page.</summary>
    internal int Holds(Segment* segment) =>
        Math.Max(segment->Used, SegmentBytes - (EntryHeader.UnitsFor(Geometry.MaxPage) << Location.UnitShift));

    /// <summary>Whether a writer has what would make room for a page of this length: room, which its borrower may not need; or so much that
    /// is dead that the cleaner would empty its segment. Who has looked for room may have passed over either, since the writer was in use. A
    /// hint.</summary>
    internal WriterRoom LookAtWriters(int pageLength)
    {
        int elsewhere = Mover.Writer.Room;
        var found = WriterRoom.None;
        foreach (LogWriter writer in _writers)
        {
            bool hasAny = writer.HasRoomFor(pageLength) || writer.IsWorthSealing(elsewhere);
            bool isBorrowed = writer.IsBorrowed;

            // Behind the look at what it has.
            if (writer.IsMoving || (hasAny && isBorrowed))
            {
                return WriterRoom.Borrowed;
            }

            found = hasAny ? WriterRoom.Free : found;
        }

        return found;
    }

    /// <summary>Changes with each segment that a writer has taken or sealed. What <see cref="LookAtWriters"/> has missed because it came
    /// from a writer while that was looked at is in this, if it is read afterwards.</summary>
    internal long Moves
    {
        get
        {
            long moves = 0;
            foreach (LogWriter writer in _writers)
            {
                moves += writer.Moves;
            }

            return moves;
        }
    }

    /// <summary>As <see cref="Borrow"/>, a writer that has room for a page of this length already; null when none has that nobody
    /// uses.</summary>
    internal LogWriter? TryBorrowRoom(int pageLength)
    {
        foreach (LogWriter writer in _writers)
        {
            if (!writer.HasRoomFor(pageLength) || !writer.TryBorrow())
            {
                continue;
            }

            if (writer.HasRoomFor(pageLength))
            {
                return writer;
            }

            writer.GiveBack();
        }

        return null;
    }

    /// <summary>A writer that no other thread uses until it is given back. The threads that have them are each encoding one page or emptying
    /// one segment, and wait for nobody who waits here.</summary>
    internal LogWriter Borrow()
    {
        Spinner spinner = default;
        do
        {
            if (TryBorrowAny() is { } writer)
            {
                return writer;
            }

            spinner.Once();
        }
        while (spinner.Count is > 0 and < WriterLine.SpinRounds);

        return Line.Await();
    }

    /// <summary>As <see cref="Borrow"/>; null when all writers are in use.</summary>
    internal LogWriter? TryBorrowAny()
    {
        int start = TestHook.Interleaver?.Thread ?? Environment.CurrentManagedThreadId;
        int count = WritersInUse;
        for (int i = 0; i < count; i++)
        {
            LogWriter writer = _writers[(int)((uint)(start + i) % (uint)count)];
            if (writer.TryBorrow())
            {
                return writer;
            }
        }

        return null;
    }

    /// <summary>Takes a free segment and opens it. Returns −1 when there is none for the level.</summary>
    /// <param name="level">How much of what is held back it may be.</param>
    /// <param name="isStore">Whether a page is stored there, and not moved or compressed again.</param>
    internal int TryTake(StoreLevel level, bool isStore)
    {
        int segment;
        using (_budget.Gate.Enter())
        {
            if (!Chunks.TryProvideUnsynchronized(level))
            {
                return NoSegment;
            }

            segment = _table.TryTakeNumberUnsynchronized();
            if (segment < 0)
            {
                return NoNumber;
            }

            LendUnsynchronized(segment);
            if (isStore && level is (StoreLevel.Normal or StoreLevel.LastResort))
            {
                _headroom.NoteTakenUnsynchronized(Chunks.Affordable);
            }

            if (IsTight)
            {
                _budget.Signal?.Wake();
            }
        }

        SegmentWord.Open(&_table[segment]->Word);
        return segment;
    }

    /// <summary>Seals a segment that the caller has open.</summary>
    /// <param name="segment">The segment's number.</param>
    /// <param name="age">Its place in the order in which segments grow cold, if that is earlier than now.</param>
    internal void Seal(int segment, long age = long.MaxValue)
    {
        Segment* entry = _table[segment];

        // Once it is sealed, it may be emptied, freed and opened by another log at any time: its chunk is read before.
        int chunk = entry->Chunk;
        entry->SealedAt = Math.Min(age, _table.NextSeal());
        Cold.NoteSealed(chunk);
        SegmentWord.Seal(&entry->Word);

        // Pairs with the fence in NoteDead: either that thread sees the segment's final length, or its dead entry is seen here.
        Fences.AfterInterlocked();
        Sealed.Refresh(chunk);

        // Threads that freed its entries while it was open left this check to the thread that seals it.
        _table.RetireIfEmpty(segment, SegmentState.Sealed);
    }

    /// <summary>Takes back a segment in state Free: both its number and its memory.</summary>
    internal void Return(int segment)
    {
        using Gate.Scope held = _budget.Gate.Enter();
        if (_table[segment]->Chunk != Segment.NoChunk)
        {
            TakeChunkBackUnsynchronized(segment, Stock);
        }

        _table.GiveNumberBackUnsynchronized(segment);
    }

    /// <summary>Takes back the memory of a segment that is in a file and has no readers.</summary>
    internal void TakeMemoryBack(int segment)
    {
        using Gate.Scope held = _budget.Gate.Enter();
        // The segment was written to make room, so somebody wants the memory. And this is the engine's thread, which has transfers to see
        // to.
        TakeChunkBackUnsynchronized(segment, stock: int.MaxValue);
    }

    /// <summary>Undoes what was committed for a log that no other thread has seen.</summary>
    internal void AbandonUnsynchronized()
    {
        Chunks.AbandonReserveUnsynchronized();
        Release();
    }

    internal void Release()
    {
        Chunks.Release();
        Sealed.Release();
        EntryBuffers.Dispose();
        RunBuffers.Dispose();
        SegmentBuffers.Dispose();
    }

    private void LendUnsynchronized(int segment)
    {
        Segment* entry = _table[segment];
        Debug.Assert(Volatile.Read(ref entry->Live) == 0 && entry->Tally == 0 && entry->Logical == 0 && entry->File == 0);
        entry->Chunk = Chunks.FirstFreeUnsynchronized;
        entry->Address = Chunks.Address(entry->Chunk);
        entry->Log = Index;
        entry->Used = 0;
        entry->Damaged = 0;
        entry->Loaded = 0;
        entry->SealedAt = _table.NextSeal();
        Cold.BeginVisits(entry->Chunk);
        // Last, since a thread that finds the segment by its chunk reads the fields above.
        Chunks.LendUnsynchronized(segment);
    }

    private void TakeChunkBackUnsynchronized(int segment, int stock)
    {
        int chunk = _table[segment]->Chunk;
        _table[segment]->Chunk = Segment.NoChunk;
        Chunks.TakeBackUnsynchronized(chunk, stock);
        Sealed.Refresh(chunk);
    }

    private static BounceBuffers Entries(int bytes, int maxBytes)
    {
        int least = Math.Clamp(MinEntryBufferBytes / bytes, 1, MinEntryBuffers);
        int count = Math.Clamp(maxBytes / bytes, least, MaxEntryBuffers);
        return new BounceBuffers(count, bytes, BounceBuffers.IsHuge((long)count * bytes));
    }
}
