using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The cleaner of a log: empties segments with much dead space by moving their live entries to a segment of its own.</summary>
/// <remarks>Greedy: it takes the sealed segment with the fewest live bytes first. One thread at a time empties segments of a log, under the
/// mover's gate.</remarks>
internal sealed unsafe class Cleaner(SegmentLog log, EntryMover mover, SegmentTable table, DescriptorTable descriptors)
{
    /// <summary>How many bytes of a segment must be dead for it to be worth emptying where a segment can be written out instead: a quarter.
    /// Moving three segments' pages is still much less work than writing one and reading its pages again.</summary>
    private int MinDeadBesideFiles => log.SegmentBytes >> 2;

    /// <summary>Takes one step ahead of demand, when the pool runs short and emptying a segment is cheap.</summary>
    /// <returns>True when a segment was emptied.</returns>
    internal bool CleanAhead()
    {
        if (!log.IsTight || !mover.Gate.TryEnter())
        {
            return false;
        }

        try
        {
            // As long as nothing has to be written out, less will do.
            int minDead = !table.Files.HasRoom(log.SegmentBytes) ? log.SegmentBytes >> 4
                : log.IsShort ? MinDeadBesideFiles
                : MinDeadBesideFiles >> 1;
            int victim = log.Sealed.FindDeadest(minDead);
            return victim >= 0 && TryEmpty(victim);
        }
        finally
        {
            mover.Gate.Exit();
        }
    }

    /// <summary>Empties a segment, or finds that another thread has just done so.</summary>
    /// <param name="level">The level of the store that needs room.</param>
    /// <param name="thorough">True to accept a small gain even where a segment could be written out instead.</param>
    /// <returns>False when there is nothing left to gain at this level.</returns>
    internal bool TryClean(StoreLevel level, bool thorough = false)
    {
        using Gate.Scope held = mover.Gate.Enter();
        int floor = level <= StoreLevel.Normal ? log.Chunks.HeldBack : 1;
        if (log.Chunks.FreeCount > floor)
        {
            return true;
        }

        // Several nearly full segments yield an empty one only if their dead bytes add up to one.
        bool canWrite = !thorough && table.Files.HasRoom(log.SegmentBytes);
        int victim = log.Sealed.FindDeadest(canWrite ? MinDeadBesideFiles : log.SegmentBytes >> 5);
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
            // Then try the dead entries in segments that idle writers have open.
            return ReclaimIdleWriters() || AwaitReaders() || log.Chunks.FreeCount > floor;
        }

        return TryEmpty(victim);
    }

    /// <summary>Empties a segment that is half dead, whether or not there is need. False when there is none, or another thread is at
    /// it.</summary>
    internal bool TryCleanSparse()
    {
        if (!mover.Gate.TryEnter())
        {
            return false;
        }

        try
        {
            int victim = log.Sealed.FindDeadest(log.SegmentBytes >> 1);
            return victim >= 0 && TryEmpty(victim);
        }
        finally
        {
            mover.Gate.Exit();
        }
    }

    /// <summary>Empties one given segment in memory. True when it is empty, or about to be.</summary>
    internal bool TryCleanOut(int number)
    {
        using Gate.Scope held = mover.Gate.Enter();
        return TryEmpty(number);
    }

    /// <summary>Moves the live entries out of a sealed segment. True when the segment is empty, or about to be: then its last reader, or a
    /// thread in the middle of freeing an entry, frees the segment.</summary>
    /// <param name="victim">The segment's number.</param>
    /// <param name="recompressor">If not null, entries that can be compressed again are compressed on the way.</param>
    internal bool TryEmpty(int victim, Recompressor? recompressor = null)
    {
        Segment* segment = table[victim];
        if (!SegmentWord.TryBeginCleaning(&segment->Word))
        {
            // It was freed after it was chosen, which is as good.
            return true;
        }

        if (segment->Log != log.Index)
        {
            // The number belongs to another log by now. So its memory here came free, which is as good too.
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
                // A live entry is left whose header does not say so. Without the mark the segment would be chosen again and again.
                segment->Damaged = 1;
            }
        }
        finally
        {
            isEmpty = table.EndCleaning(victim);
        }

        if (!isEmpty && segment->Damaged == 0)
        {
            // Either nothing points here any more, but a thread that is freeing an entry has still to debit it, and then frees the segment.
            // Or there is no room for the rest while readers are still in an emptied segment.
            complete |= log.Sealed.IsAnyLeaving();
            Spinner.Yield();
        }

        return isEmpty || complete;
    }

    /// <summary>Yields once for readers to leave an emptied segment, or one that has been written. False when there is no such
    /// segment.</summary>
    internal bool AwaitReaders()
    {
        if (!log.Sealed.IsAnyLeaving())
        {
            return false;
        }

        Spinner.Yield();
        return true;
    }

    /// <summary>Takes from idle writers their empty segments, and empties their open ones where that yields something.</summary>
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

        // The caller has the cleaning gate, so the recompressor's writer is idle and ours to use.
        any |= mover.ColdWriter.DropSpare();
        int cold = mover.ColdWriter.SealIfWorthwhile(mover.Writer.Room);
        any |= cold >= 0 && TryEmpty(cold);

        // The same holds for the cleaner's own writer. Without dead bytes in its segment, moving the entries would only go round in
        // circles.
        any |= mover.Writer.DropSpare();
        int moves = mover.Writer.SealIfWorthwhile(roomElsewhere: 0);
        return (moves >= 0 && TryEmpty(moves)) || any;
    }

    /// <summary>Moves the entries of a segment that the caller has claimed. False when there is no room for one of them.</summary>
    private bool TryMoveAll(int victim, Recompressor? recompressor)
    {
        EntryCursor entries = mover.Entries(victim);
        while (entries.MoveNext())
        {
            Location from = entries.Locate();
            if (mover.TryDropRedundant(entries.Header, from))
            {
                continue;
            }

            Moved moved = recompressor is not null && from != default && mover.IsCompressible(entries.Header)
                ? mover.TryRecompress(entries.Header, from, mover.Writer, StoreLevel.Cleaner, recompressor)
                : Moved.Not;

            // A damaged entry moves as it is, so that loading its page still reports the damage.
            if (moved == Moved.NoRoom || (moved == Moved.Not && !mover.TryMove(entries.Header, from, StoreLevel.Cleaner, onFile: false)))
            {
                return false;
            }
        }

        if (entries.IsBroken)
        {
            // The entries behind the broken one cannot be found from here, only from their descriptors. There are other victims.
            table[victim]->Damaged = 1;
        }

        return true;
    }
}
