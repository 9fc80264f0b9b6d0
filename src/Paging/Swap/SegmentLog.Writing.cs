using Paging.Diagnostics;
using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>What writeback asks of a log: which segment is the coldest, and what of it has been wanted lately.</summary>
internal sealed unsafe partial class SegmentLog
{
    private const int MostBufferBytes = 4 << 20;

    /// <summary>For reading single entries from a file.</summary>
    internal BounceBuffers EntryBuffers { get; }

    /// <summary>For reading whole segments from a file.</summary>
    internal BounceBuffers SegmentBuffers { get; }

    /// <summary>Bytes that a sealed segment could hold: of one that was sealed early, more than it does. The rest of it is too short for a page.</summary>
    internal int Holds(Segment* segment) => Math.Max(segment->Used, SegmentBytes - (EntryHeader.UnitsFor(Geometry.MaxPage) << Location.UnitShift));

    /// <summary>Whether more segments should be on their way to a file than so many.</summary>
    internal bool IsShortBeside(int underWay) => _table.Files.IsAny && underWay < Ahead && IsShortBy(Ahead - underWay);

    /// <summary>The segment that was sealed first, of those in memory that hold something and that nobody cleans or writes; −1 when there is none.</summary>
    internal int FindColdest()
    {
        int coldest = NoSegment;
        long first = long.MaxValue;
        for (int chunk = 0; chunk < SegmentCount; chunk++)
        {
            // As in FindVictim, the chunk may be lent to another segment meanwhile: whoever uses the answer looks again.
            int i = HolderOf(chunk);
            if (i < 0)
            {
                continue;
            }

            Segment* segment = _table[i];
            if (segment->SealedAt < first
                && segment->File == 0
                && Volatile.Read(ref segment->Live) != 0
                && SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Sealed)
            {
                coldest = i;
                first = segment->SealedAt;
            }
        }

        return coldest;
    }

    /// <summary>Empties one segment in memory. True when it is empty, or about to be.</summary>
    internal bool TryCleanOut(int number)
    {
        _cleaning.Enter();
        try
        {
            return TryEmpty(number);
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    /// <summary>Threads that move a segment of a file into this log through what it holds back, and have not given that back yet.</summary>
    private int _emptiers;

    /// <summary>Whether a thread is moving a segment of a file into this log through what it holds back.</summary>
    internal bool IsBeingEmptiedInto
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            return Volatile.Read(ref _emptiers) != 0;
        }
    }

    /// <summary>Whether <see cref="TryBeginEmptying"/> would say yes, and a segment be left to move to, as it looks now.</summary>
    internal bool MayBeEmptiedInto => TryRefill() || (HasFreeChunk(StoreLevel.Cleaner) && !IsBeingEmptiedInto);

    /// <summary>Begins to move a segment of a file into this log through what it holds back. <see cref="EndEmptying"/> ends it, if true.</summary>
    /// <remarks>Each takes one segment and gives it back, so that the next one must find the reserve whole while another is at it; that two find it so is told by the one that
    /// gets no room. A thread that is alone
    /// finds it short when pages were evicted as a last resort, or the device failed to take what was to give a segment back: it may use what is left, the
    /// cleaner's segment too, since nothing would ever make the reserve whole otherwise, and nothing of what is dead in the log's segments be recovered.</remarks>
    /// <param name="level">How deep it may go.</param>
    internal bool TryBeginEmptying(out StoreLevel level)
    {
        TestHook.Reach(SharedWord.Counter);
        bool isAlone = Interlocked.Increment(ref _emptiers) == 1;
        bool isWhole = TryRefill();
        level = isWhole ? StoreLevel.FileCleaner : StoreLevel.Cleaner;
        if (isWhole || isAlone)
        {
            return true;
        }

        EndEmptying();
        return false;
    }

    /// <returns>Whether no other thread is at it.</returns>
    internal bool EndEmptying()
    {
        TestHook.Reach(SharedWord.Counter);
        return Interlocked.Decrement(ref _emptiers) == 0;
    }

    /// <summary>Moves what lives of a segment in a file into the pool, from where it was read to. The caller has claimed the segment.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="bytes">Its contents.</param>
    /// <param name="offset">Where to go on; set to where there was no room to go on.</param>
    /// <param name="level">How deep into what is held back it may go.</param>
    /// <returns>False when there was no room, or the chain of entries is broken at the offset.</returns>
    internal bool TryMoveIn(int number, byte* bytes, ref int offset, StoreLevel level)
    {
        int used = _table[number]->Used;
        _cleaning.Enter();
        try
        {
            while (offset < used)
            {
                EntryHeader* header = (EntryHeader*)(bytes + offset);
                if (!IsPlausible(header, used - offset))
                {
                    _table[number]->Damaged = 1;
                    return false;
                }

                // What was misread must not be moved: the copy in the file may be good.
                int units = header->Units;
                Location from = LocationOf(header, number, offset);
                if (from != default && !header->IsIntact())
                {
                    _table[number]->Damaged = 1;
                    return false;
                }

                if (!TryMove(header, from, level, onFile: true))
                {
                    return false;
                }

                offset += units << Location.UnitShift;
            }

            return true;
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    /// <summary>Moves one entry of a segment in a file into the pool. False when there is no room.</summary>
    internal bool TryMoveIn(EntryHeader* header, Location from, StoreLevel level)
    {
        _cleaning.Enter();
        try
        {
            return TryMove(header, from, level, onFile: true);
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    private static BounceBuffers Buffers(int bytes, int most, bool huge) => new(Math.Clamp(MostBufferBytes / bytes, 1, most), bytes, huge);
}
