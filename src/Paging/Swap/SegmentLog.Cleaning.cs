using Paging.Diagnostics;

namespace Paging.Swap;

/// <summary>The cleaner: empties segments with much dead space by moving what lives in them to a segment of its own.</summary>
/// <remarks>Greedy: the emptiest sealed segment first. Moved entries are not mixed with new ones: what survived a cleaning
/// is likely to survive the next. One thread cleans a log at a time; it copies memory and waits for nobody.</remarks>
internal sealed unsafe partial class SegmentLog
{
    private const int MostAhead = 64;

    /// <summary>Segments beyond those held back that the background keeps free. Writing one takes longer than cleaning one.</summary>
    private int Ahead => _table.Files.IsAny ? Math.Clamp(SegmentCount >> 4, 2, MostAhead) : 2;

    private readonly Gate _cleaning = new();
    private readonly LogWriter _moves;

    /// <summary>Whether stores will soon have to make room for themselves.</summary>
    internal bool IsShort => IsShortBy(Ahead);

    private bool IsShortBy(int ahead) =>
        Volatile.Read(ref _freeCount) < HeldBack + ahead && _budget.RemainingBytes < (long)ahead * ChargedBytes;

    /// <summary>How much of a segment must be dead for it to be worth cleaning. Where a segment can be written out instead, cleaning is
    /// for those that hardly hold anything.</summary>
    private int LeastDead(int otherwise) => _table.Files.HasRoom(SegmentBytes) ? SegmentBytes >> 1 : otherwise;

    /// <summary>One step of cleaning ahead of demand, when the pool runs short and cleaning is cheap.</summary>
    /// <returns>True when a segment was emptied.</returns>
    internal bool CleanAhead()
    {
        if (!IsShort || !_cleaning.TryEnter())
        {
            return false;
        }

        try
        {
            int victim = FindVictim(LeastDead(SegmentBytes >> 4));
            return victim >= 0 && TryEmpty(victim);
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    /// <summary>Empties a segment, or finds that another thread just did.</summary>
    /// <param name="level">Who needs room.</param>
    /// <param name="thorough">True to take what little there is to gain even where a segment could be written out instead.</param>
    /// <returns>False when there is nothing left to gain at this level.</returns>
    internal bool TryClean(StoreLevel level, bool thorough = false)
    {
        _cleaning.Enter();
        try
        {
            int floor = level <= StoreLevel.Normal ? HeldBack : 1;
            if (Volatile.Read(ref _freeCount) > floor)
            {
                return true;
            }

            // Several nearly full segments yield one empty one only if there is that much dead in them together.
            bool canWrite = !thorough && _table.Files.HasRoom(SegmentBytes);
            int victim = FindVictim(canWrite ? SegmentBytes >> 1 : SegmentBytes >> 5);
            if (victim < 0 && canWrite)
            {
                return false;
            }

            if (victim < 0 && DeadBytes() > SegmentBytes + Geometry.MaxPage)
            {
                victim = FindVictim(1);
            }

            if (victim < 0)
            {
                // What is dead in segments that idle writers have open, then.
                return ReclaimIdleWriters() || AwaitReaders() || Volatile.Read(ref _freeCount) > floor;
            }

            return TryEmpty(victim);
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    private int FindVictim(int leastDead)
    {
        int best = NoSegment;
        int bestLive = int.MaxValue;
        for (int chunk = 0; chunk < SegmentCount; chunk++)
        {
            // The chunk may be another segment's by the time it is looked at: then another one is chosen than meant.
            int i = HolderOf(chunk);
            if (i < 0)
            {
                continue;
            }

            Segment* segment = _table[i];
            int live = Volatile.Read(ref segment->Live) << Location.UnitShift;
            if (live < bestLive
                && SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Sealed
                && segment->Used - live >= leastDead
                && segment->File == 0
                && segment->Damaged == 0)
            {
                best = i;
                bestLive = live;
            }
        }

        return best;
    }

    private long DeadBytes()
    {
        long dead = 0;
        for (int chunk = 0; chunk < SegmentCount; chunk++)
        {
            int i = HolderOf(chunk);
            if (i < 0)
            {
                continue;
            }

            Segment* segment = _table[i];
            if (SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Sealed && segment->Damaged == 0)
            {
                dead += segment->Used - ((long)Volatile.Read(ref segment->Live) << Location.UnitShift);
            }
        }

        return dead;
    }

    /// <summary>Gets at what idle writers hold: empty segments, and open ones that can be emptied with a gain.</summary>
    private bool ReclaimIdleWriters()
    {
        bool any = false;
        foreach (LogWriter writer in _writers)
        {
            if (writer.TryBorrow())
            {
                int open;
                try
                {
                    any |= writer.DropSpare();
                    open = writer.SealIfWorthwhile(_moves.Room);
                }
                finally
                {
                    writer.GiveBack();
                }

                any |= open >= 0 && TryEmpty(open);
            }
        }

        // Under the cleaning gate the recompressor's writer is ours, and idle.
        any |= _cold.DropSpare();
        int cold = _cold.SealIfWorthwhile(_moves.Room);
        any |= cold >= 0 && TryEmpty(cold);

        // So is the cleaner's own writer. Without dead bytes in it, moving it would only go round in circles.
        any |= _moves.DropSpare();
        int moves = _moves.SealIfWorthwhile(roomElsewhere: 0);
        return (moves >= 0 && TryEmpty(moves)) || any;
    }

    /// <summary>Moves what lives in a sealed segment. True when the segment is empty, or about to be: its last
    /// reader, or a thread in the middle of freeing an entry, then frees it.</summary>
    /// <param name="victim">The segment.</param>
    /// <param name="recompressor">Not null to compress again, while at it, what can be.</param>
    private bool TryEmpty(int victim, Recompressor? recompressor = null)
    {
        Segment* segment = _table[victim];
        if (!SegmentWord.TryBeginCleaning(&segment->Word))
        {
            // It was freed since it was chosen, which is as good.
            return true;
        }

        if (segment->Log != Index)
        {
            // The number is another log's by now: its memory came free here, which is as good too.
            SegmentWord.AbandonCleaning(&segment->Word);
            _table.RetireIfEmpty(victim, SegmentState.Sealed);
            return true;
        }

        bool complete;
        bool isClaimed = true;
        try
        {
            complete = TryMoveAll(victim, recompressor);
            isClaimed = false;
        }
        finally
        {
            if (isClaimed)
            {
                EndClaim(victim);
            }
        }

        TestHook.Reach(SharedWord.SegmentLive);
        if (Volatile.Read(ref segment->Live) == 0)
        {
            _table.RetireIfEmpty(victim, SegmentState.Cleaning);
            return true;
        }

        if (complete && segment->Damaged == 0 && _descriptors.IsAnyIn(victim))
        {
            // An entry is left that its header does not own up to. It would be looked for here again and again.
            segment->Damaged = 1;
        }

        SegmentWord.AbandonCleaning(&segment->Word);
        _table.RetireIfEmpty(victim, SegmentState.Sealed);
        if (segment->Damaged == 0)
        {
            // Nothing points here any more, but a thread that frees an entry has still to debit it, and frees the segment then; or
            // there is no room for the rest, while readers are still in an emptied segment.
            complete |= IsAnyOnItsWay();
            Spinner.Yield();
        }

        return complete;
    }

    /// <summary>Moves the entries of a segment that the caller has claimed. False when there is no room for one.</summary>
    private bool TryMoveAll(int victim, Recompressor? recompressor)
    {
        Segment* segment = _table[victim];
        for (int offset = 0; offset < segment->Used;)
        {
            EntryHeader* header = (EntryHeader*)(segment->Address + offset);
            int units = header->Units;
            if (!IsPlausible(header, segment->Used - offset))
            {
                // The entries behind it cannot be found from here. Their descriptors find them; other victims remain.
                segment->Damaged = 1;
                break;
            }

            Location from = LocationOf(header, victim, offset);
            Moved moved = recompressor is not null && from != default && IsCompressible(header)
                ? TryRecompress(header, from, _moves, StoreLevel.Cleaner, recompressor)
                : Moved.Not;

            // One that is damaged moves as it is, so that its page can still say so.
            if (moved == Moved.NoRoom || (moved == Moved.Not && !TryMove(header, from, StoreLevel.Cleaner, onFile: false)))
            {
                return false;
            }

            offset += units << Location.UnitShift;
        }

        return true;
    }

    /// <summary>Waits a moment for readers to leave an emptied segment, or one that has been written. False when there is none.</summary>
    internal bool AwaitReaders()
    {
        if (!IsAnyOnItsWay())
        {
            return false;
        }

        Spinner.Yield();
        return true;
    }

    /// <summary>Whether a segment is empty or written but for its readers, or between the last of them and the free list. Not one that is
    /// still being written: that takes as long as the device does.</summary>
    private bool IsAnyOnItsWay()
    {
        for (int chunk = 0; chunk < SegmentCount; chunk++)
        {
            int i = HolderOf(chunk);
            if (i < 0)
            {
                continue;
            }

            switch (SegmentWord.State(SegmentWord.Load(&_table[i]->Word)))
            {
                case SegmentState.Draining when _table[i]->File == 0:
                case SegmentState.Demoting:
                case SegmentState.Free:
                    return true;
            }
        }

        return false;
    }

    /// <summary>The location of the entry's page if that is where the entry is; none if it has moved or gone.</summary>
    private Location LocationOf(EntryHeader* header, int segment, int offset)
    {
        Location location = _descriptors.Locate((uint)header->Id);
        return location.IsAt(segment, offset, header->Units) ? location : default;
    }

    /// <summary>Moves the entry if its descriptor still points to it. False when there is no room.</summary>
    /// <param name="header">The entry: where it is, or where it was read to from a file.</param>
    /// <param name="from">Where it is, as its descriptor said; none for an entry that has gone.</param>
    /// <param name="level">How deep into what is held back it may go.</param>
    /// <param name="onFile">Whether that is in a file. The claim on the segment keeps it so.</param>
    private bool TryMove(EntryHeader* header, Location from, StoreLevel level, bool onFile)
    {
        uint index = (uint)header->Id;
        if (from == default || _descriptors.Locate(index) != from)
        {
            return true;
        }

        if (!_moves.TryPrepareCopy(from.Units, level))
        {
            return false;
        }

        // From the descriptor, not from the header, which may be damaged. If it is another page's by now, the move fails, and what was credited
        // is debited again.
        EntrySize size = _descriptors.SizeAt(index, from);
        Location to = _moves.AppendCopy((byte*)header, size);
        to = from.IsRecompressed ? to.AsRecompressed : to;
        // The target is credited before the descriptor says so; whoever frees the page from then on debits the target.
        bool moved = _descriptors.TryMove(index, from, to);
        if (TestHook.Breaks(Mutation.CreditAfterPublishing))
        {
            _table.Credit(to.Segment, size);
        }

        if (moved && onFile)
        {
            _table.CountOut(from.Segment, size, onFile: true);
            _table.CountInMemory(size, 1);
        }

        _table.Debit(moved ? from.Segment : to.Segment, size);
        return true;
    }

    private bool IsPlausible(EntryHeader* header, int left) =>
        header->EncodedLength > 0
        && header->EncodedLength <= Geometry.MaxPage
        && header->Units << Location.UnitShift <= left
        && _descriptors.IsIndex((uint)header->Id);
}
