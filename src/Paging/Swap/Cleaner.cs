using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The cleaner of a log: empties segments with much dead space by moving what lives in them to a segment of its own.</summary>
/// <remarks>Greedy: the emptiest sealed segment first. One thread cleans a log at a time, under the mover's gate.</remarks>
internal sealed unsafe class Cleaner(SegmentLog log, EntryMover mover, SegmentTable table, DescriptorTable descriptors)
{
    private const int NoSegment = -1;

    /// <summary>How much of a segment must be dead for it to be worth cleaning. Where a segment can be written out instead, cleaning is
    /// for those that hardly hold anything.</summary>
    private int MinDead(int otherwise) => table.Files.HasRoom(log.SegmentBytes) ? log.SegmentBytes >> 1 : otherwise;

    /// <summary>One step of cleaning ahead of demand, when the pool runs short and cleaning is cheap.</summary>
    /// <returns>True when a segment was emptied.</returns>
    internal bool CleanAhead()
    {
        if (!log.IsShort || !mover.Gate.TryEnter())
        {
            return false;
        }

        try
        {
            int victim = log.Sealed.FindDeadest(MinDead(log.SegmentBytes >> 4));
            return victim >= 0 && TryEmpty(victim);
        }
        finally
        {
            mover.Gate.Exit();
        }
    }

    /// <summary>Empties a segment, or finds that another thread just did.</summary>
    /// <param name="level">Who needs room.</param>
    /// <param name="thorough">True to take what little there is to gain even where a segment could be written out instead.</param>
    /// <returns>False when there is nothing left to gain at this level.</returns>
    internal bool TryClean(StoreLevel level, bool thorough = false)
    {
        using Gate.Scope held = mover.Gate.Enter();
        int floor = level <= StoreLevel.Normal ? log.Chunks.HeldBack : 1;
        if (log.Chunks.FreeCount > floor)
        {
            return true;
        }

        // Several nearly full segments yield one empty one only if there is that much dead in them together.
        bool canWrite = !thorough && table.Files.HasRoom(log.SegmentBytes);
        int victim = log.Sealed.FindDeadest(canWrite ? log.SegmentBytes >> 1 : log.SegmentBytes >> 5);
        if (victim < 0 && canWrite)
        {
            return false;
        }

        if (victim < 0 && log.Sealed.IsDeadBeyond(log.SegmentBytes + log.Geometry.MaxPage))
        {
            victim = log.Sealed.FindDeadest(1);
        }

        if (victim < 0)
        {
            // What is dead in segments that idle writers have open, then.
            return ReclaimIdleWriters() || AwaitReaders() || log.Chunks.FreeCount > floor;
        }

        return TryEmpty(victim);
    }

    /// <summary>Empties one segment in memory. True when it is empty, or about to be.</summary>
    internal bool TryCleanOut(int number)
    {
        using Gate.Scope held = mover.Gate.Enter();
        return TryEmpty(number);
    }

    /// <summary>Gets at what idle writers hold: empty segments, and open ones that can be emptied with a gain.</summary>
    private bool ReclaimIdleWriters()
    {
        bool any = false;
        foreach (LogWriter writer in log.Writers)
        {
            if (writer.TryBorrow())
            {
                int open;
                try
                {
                    any |= writer.DropSpare();
                    open = writer.SealIfWorthwhile(mover.Writer.Room);
                }
                finally
                {
                    writer.GiveBack();
                }

                any |= open >= 0 && TryEmpty(open);
            }
        }

        // Under the cleaning gate the recompressor's writer is ours, and idle.
        any |= mover.ColdWriter.DropSpare();
        int cold = mover.ColdWriter.SealIfWorthwhile(mover.Writer.Room);
        any |= cold >= 0 && TryEmpty(cold);

        // So is the cleaner's own writer. Without dead bytes in it, moving it would only go round in circles.
        any |= mover.Writer.DropSpare();
        int moves = mover.Writer.SealIfWorthwhile(roomElsewhere: 0);
        return (moves >= 0 && TryEmpty(moves)) || any;
    }

    /// <summary>Moves what lives in a sealed segment. True when the segment is empty, or about to be: its last
    /// reader, or a thread in the middle of freeing an entry, then frees it.</summary>
    /// <param name="victim">The segment.</param>
    /// <param name="recompressor">Not null to compress again, while at it, what can be.</param>
    internal bool TryEmpty(int victim, Recompressor? recompressor = null)
    {
        Segment* segment = table[victim];
        if (!SegmentWord.TryBeginCleaning(&segment->Word))
        {
            // It was freed since it was chosen, which is as good.
            return true;
        }

        if (segment->Log != log.Index)
        {
            // The number is another log's by now: its memory came free here, which is as good too.
            table.EndCleaning(victim);
            return true;
        }

        bool complete = false;
        bool isEmpty = false;
        try
        {
            complete = TryMoveAll(victim, recompressor);
            if (complete && Volatile.Read(ref segment->Live) != 0 && segment->Damaged == 0 && descriptors.IsAnyIn(victim))
            {
                // An entry is left that its header does not own up to. It would be looked for here again and again.
                segment->Damaged = 1;
            }
        }
        finally
        {
            isEmpty = table.EndCleaning(victim);
        }

        if (!isEmpty && segment->Damaged == 0)
        {
            // Nothing points here any more, but a thread that frees an entry has still to debit it, and frees the segment then; or
            // there is no room for the rest, while readers are still in an emptied segment.
            complete |= log.Sealed.IsAnyLeaving();
            Spinner.Yield();
        }

        return isEmpty || complete;
    }

    /// <summary>Moves the entries of a segment that the caller has claimed. False when there is no room for one.</summary>
    private bool TryMoveAll(int victim, Recompressor? recompressor)
    {
        EntryCursor entries = mover.Entries(victim);
        while (entries.MoveNext())
        {
            Location from = entries.Locate();
            Moved moved = recompressor is not null && from != default && mover.IsCompressible(entries.Header)
                ? mover.TryRecompress(entries.Header, from, mover.Writer, StoreLevel.Cleaner, recompressor)
                : Moved.Not;

            // One that is damaged moves as it is, so that its page can still say so.
            if (moved == Moved.NoRoom || (moved == Moved.Not && !mover.TryMove(entries.Header, from, StoreLevel.Cleaner, onFile: false)))
            {
                return false;
            }
        }

        if (entries.IsBroken)
        {
            // The entries behind it cannot be found from here. Their descriptors find them; other victims remain.
            table[victim]->Damaged = 1;
        }

        return true;
    }

    /// <summary>Waits a moment for readers to leave an emptied segment, or one that has been written. False when there is none.</summary>
    internal bool AwaitReaders()
    {
        if (!log.Sealed.IsAnyLeaving())
        {
            return false;
        }

        Spinner.Yield();
        return true;
    }
}
