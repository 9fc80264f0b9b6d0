using Paging.Threading;

namespace Paging.Swap;

/// <summary>The owner of room in memory: what is done, and in which order, when a page finds no segment.</summary>
/// <remarks>
/// <see cref="TryRemedies"/> is the list. The log's cleaner, writeback and the file cleaner offer a step each and know nothing of one another. None of them
/// remembers that there was nothing to gain: what can be gained is read off sums that belong to a log or a file, and change with every entry that dies there.
/// What waits for a device is done holding nothing.
/// </remarks>
internal sealed unsafe class Room(SegmentTable segments, PoolBudget budget, Writeback writeback, FileCleaner fileCleaner)
{
    private const int MaxRefills = 16;

    /// <summary>How long one that empties a segment is waited for at a time.</summary>
    private const int WaitMilliseconds = 20;

    /// <summary>Segments that were emptied through a log's reserve, or could not be.</summary>
    private readonly EventCount _emptied = new();

    private SwapFileTable Files => segments.Files;

    /// <summary>Finds room for a page, should it not shrink.</summary>
    /// <returns>A writer that has it, borrowed; null when there is none.</returns>
    internal LogWriter? TryPrepare(SegmentLog log, int length, StoreLevel level)
    {
        LogWriter? writer = TryPrepareOnce(log, length, level);

        // A file that rests, since its disk was full, is tried once more before a page is refused.
        return writer is null && level != StoreLevel.AtHand && Files.TryEndRest() ? TryPrepareOnce(log, length, level) : writer;
    }

    /// <summary>Whether an ordinary page may come in, should it not shrink: into the pool as far as cleaning it stays cheap, beyond that as
    /// far as segments can be written out for it.</summary>
    internal bool Admits(SegmentLog log, int length) =>
        budget.Admits(length)
        || (Files.IsAny && (Files.MayHaveRoom(log.SegmentBytes) || writeback.InFlight != 0 || fileCleaner.HasDead || fileCleaner.CanCompact(log)));

    /// <summary>One step ahead of demand, in the background. True when there may be more to do.</summary>
    internal bool StepAhead()
    {
        bool any = false;
        foreach (SegmentLog? log in segments.Logs)
        {
            any |= log!.Cleaner.CleanAhead();
            any |= writeback.WriteAhead(log);
        }

        return any | fileCleaner.CleanAhead();
    }

    /// <summary>Sees to it that ordinary stores find room without waiting, as far as writing out gives any. Waits for devices.</summary>
    internal void MakeAtHand()
    {
        foreach (SegmentLog? log in segments.Logs)
        {
            if (Files.IsAny && !log!.Chunks.HasFree(StoreLevel.Normal))
            {
                TryWriteOut(log, StoreLevel.Normal);
            }
        }
    }

    /// <summary>Makes room in a log for what is moved off a file. Waits for devices.</summary>
    internal bool TryMake(SegmentLog log) => TryWaitingRemedies(log, StoreLevel.Normal);

    /// <summary>Frees memory of other logs, so that one may have more of the budget they share.</summary>
    /// <param name="except">The log that wants it; null for one that is to be made.</param>
    internal bool TryTakeFromOthers(SegmentLog? except)
    {
        foreach (SegmentLog? log in segments.Logs)
        {
            if (log != except && log!.Chunks.TryTrim())
            {
                return true;
            }
        }

        foreach (SegmentLog? log in segments.Logs)
        {
            // The first victims may only fill up the cleaner's own segment. No more of them than there are: nothing else ends this when the system
            // takes no memory back.
            for (int i = 0; i < log!.Chunks.Count && log != except && (log.Cleaner.TryClean(StoreLevel.Normal) || TryWriteOut(log, StoreLevel.Normal)); i++)
            {
                if (log.Chunks.TryTrim())
                {
                    return true;
                }
            }
        }

        return false;
    }

    private LogWriter? TryPrepareOnce(SegmentLog log, int length, StoreLevel level)
    {
        LogWriter? writer = null;
        bool isPrepared = false;
        try
        {
            while (writer is not null || level > StoreLevel.Normal || Admits(log, length))
            {
                // A free chunk, or one committed from the budget.
                writer ??= log.Borrow();
                isPrepared = writer.TryPrepare(length, level);
                if (isPrepared)
                {
                    return writer;
                }

                if (!TryRemedies(log, level, ref writer))
                {
                    return null;
                }
            }

            return null;
        }
        finally
        {
            if (!isPrepared)
            {
                writer?.GiveBack();
            }
        }
    }

    /// <summary>What is done when there is neither a free chunk nor budget for one, in this order. The first that may have helped ends it.</summary>
    /// <param name="log">Which needs a segment.</param>
    /// <param name="level">How deep into what is held back that may go.</param>
    /// <param name="writer">Who needs it. Given back before anything that waits for a device.</param>
    /// <returns>True when it is worth looking again.</returns>
    private bool TryRemedies(SegmentLog log, StoreLevel level, ref LogWriter? writer)
    {
        // A segment that is mostly dead; where nothing can be written out, any that yields something.
        if (log.Cleaner.TryClean(level))
        {
            return true;
        }

        // What is dead in the segment that the writer has open.
        if (writer!.TrySealDead())
        {
            return true;
        }

        writer.GiveBack();
        writer = null;
        return level != StoreLevel.AtHand && TryWaitingRemedies(log, level);
    }

    /// <summary>The remedies that may wait for a device, with nothing in hand.</summary>
    private bool TryWaitingRemedies(SegmentLog log, StoreLevel level) =>
        TryWriteOut(log, level)
        || (Files.IsAny && log.Cleaner.TryClean(level, thorough: true))
        || TryTakeFromOthers(log);

    /// <summary>Writes a segment to a file; or frees space for that in a file.</summary>
    private bool TryWriteOut(SegmentLog log, StoreLevel level) =>
        Files.IsAny && (writeback.TryMakeRoom(log, level) || TryFreeSlot(log));

    /// <summary>Frees space in a file: that of dead pages; where there are too few, by joining what is free.</summary>
    private bool TryFreeSlot(SegmentLog log)
    {
        // Before the looks: a thread that is done with a segment after them is not slept through.
        long seen = _emptied.Count;
        int victim = fileCleaner.FindDead();
        if (victim >= 0)
        {
            return TryEmptyFor(victim, log, seen);
        }

        victim = fileCleaner.FindInTheWay(log);
        return (victim >= 0 && TryEmptyFor(victim, log, seen)) || AwaitEmptier(seen);
    }

    /// <summary>Waits for a thread that is emptying a segment through the reserve of a log, which keeps others from doing the same: what it frees may be what
    /// is wanted here. False when there is none.</summary>
    private bool AwaitEmptier(long seen)
    {
        foreach (SegmentLog? log in segments.Logs)
        {
            if (log!.Chunks.IsBeingEmptiedInto)
            {
                _emptied.TryWaitBeyond(seen, WaitMilliseconds);
                return true;
            }
        }

        return false;
    }

    /// <summary>Empties a segment of a file through the reserve of its log, and sees to it that the log gets that back at once.</summary>
    /// <remarks>Though the slot is wanted for the same log: what the emptying leaves of the cleaner's segment may be room enough for who wanted the slot, and
    /// the slot be taken by another log's segment then. A log short of its reserve would have nothing recovered.</remarks>
    /// <returns>True when it is worth looking again.</returns>
    private bool TryEmptyFor(int victim, SegmentLog log, long seen)
    {
        SegmentLog owner = segments.Logs[segments[victim]->Log]!;
        if (!owner.Chunks.TryBeginEmptying(out StoreLevel level))
        {
            _emptied.TryWaitBeyond(seen, WaitMilliseconds);
            return true;
        }

        FileEmptied result = FileEmptied.NoRoom;
        bool isAlone = true;
        try
        {
            result = fileCleaner.TryEmpty(victim, level);
            RefillReserve(owner, log);
        }
        finally
        {
            isAlone = owner.Chunks.EndEmptying();
            _emptied.Signal();
        }

        if (result != FileEmptied.NoRoom)
        {
            return true;
        }

        // Two may have found the reserve whole, and the other one has taken what there was: it gives it back.
        if (!isAlone)
        {
            _emptied.TryWaitBeyond(_emptied.Count, WaitMilliseconds);
        }

        return !isAlone;
    }

    /// <summary>Gives a log back what emptying its segments took of its reserve, since nobody may be about to write one for it.</summary>
    private void RefillReserve(SegmentLog owner, SegmentLog log)
    {
        for (int i = 0; i < MaxRefills && !owner.Chunks.TryRefill(); i++)
        {
            if (!writeback.TryMakeRoom(owner, StoreLevel.Normal)
                && !(writeback.TryMakeRoom(log, StoreLevel.Normal) && log.Chunks.TryTrim()))
            {
                return;
            }
        }
    }
}
