using Paging.Threading;

namespace Paging.Swap;

/// <summary>Finds room in memory for a page when no segment has any: decides which remedies are tried, and in which order.</summary>
/// <remarks>
/// The list is <see cref="TryRemedies"/>, and <see cref="TryWaitingRemedies"/> behind it. The log's cleaner, writeback and the file cleaner
/// offer the steps, and none of them decides what is tried next. No remedy remembers an earlier failure: whether it could gain anything is
/// read each time from sums that a log or a file keeps, and that change whenever an entry there dies.
/// Other threads take for a moment what makes room: the cleaner's segment, a slot whose blocks are being trimmed, a segment of a file to
/// empty it. A page is refused only after a look at everything during which nothing came free, and after which nobody held any of it
/// (<see cref="RoomHolders"/>).
/// A thread that waits for a device here holds no writer, no claim on a page and no gate. Only the emptier of a file's segment has its
/// claim on that segment, a buffer, and its place as the log's emptier.
/// </remarks>
internal sealed unsafe class Room(
    SegmentTable segments, PoolBudget budget, Writeback writeback, FileCleaner fileCleaner, RedundantEntries redundant)
{
    private const int MaxRefills = 16;

    private readonly RoomHolders _holders = new(segments, budget, writeback, fileCleaner);

    private SwapFileTable Files => segments.Files;

    private EventCount Emptied => fileCleaner.Ended;

    /// <summary>Finds room for a page, enough even if the page does not compress.</summary>
    /// <returns>A borrowed writer that has the room; null when there is none.</returns>
    internal LogWriter? TryPrepare(SegmentLog log, int length, StoreLevel level)
    {
        if (level == StoreLevel.AtHand)
        {
            // It waits for nobody, so it need not know what came free meanwhile.
            return TryPrepareOnce(log, length, level, remedies: true);
        }

        if (TryPrepareOnce(log, length, level, remedies: false) is { } atOnce)
        {
            return atOnce;
        }

        bool mayEndRest = true;
        for (int looks = 1; ; looks++)
        {
            long seen = _holders.ChangesFor(log);
            Rests rests = Files.Rests;
            if (TryPrepareOnce(log, length, level, remedies: true) is { } writer)
            {
                return writer;
            }

            if (_holders.TryAwait(log, length, seen, looks))
            {
                continue;
            }

            // A file that rests because its disk was full is tried once more before a page is refused; also when it rested during this
            // look and another thread has ended that since. Only once, since the disk may stay full.
            if (!mayEndRest || !(Files.TryEndRest() || Files.HaveRestedSince(rests)))
            {
                return null;
            }

            mayEndRest = false;
        }
    }

    /// <summary>Whether an ordinary page may come in, even if it does not compress: while the pool is below the bound at which its segments
    /// are still cheap to empty, or while segments can be written out.</summary>
    internal bool Admits(SegmentLog log, int length) =>
        budget.Admits(length)
        || (Files.IsAny
            && (Files.MayHaveRoom(log.SegmentBytes) || writeback.InFlight != 0 || fileCleaner.HasDead || fileCleaner.CanCompact(log)));

    /// <summary>Takes one step ahead of demand, in the background. True when there may be more to do.</summary>
    internal bool StepAhead()
    {
        bool any = false;
        foreach (SegmentLog? log in segments.Logs)
        {
            any |= log!.Cleaner.CleanAhead() || (log.IsShort && redundant.TryDrop(log));
            any |= writeback.WriteAhead(log);
        }

        return any | fileCleaner.CleanAhead();
    }

    /// <summary>Makes room in advance, so that ordinary stores need not wait; only as far as writing segments out gives any. Waits for
    /// devices.</summary>
    internal void MakeAtHand()
    {
        foreach (SegmentLog? log in segments.Logs)
        {
            if (Files.IsAny && !log!.Chunks.HasRoom)
            {
                TryWriteOut(log, StoreLevel.Normal);
            }
        }
    }

    /// <summary>Makes room in a log for entries that are moved off a file. Waits for devices.</summary>
    internal bool TryMake(SegmentLog log) => !log.Mover.Writer.LacksNumber && TryWaitingRemedies(log, StoreLevel.Normal);

    /// <summary>As <see cref="TryTakeFromOthers"/>, for a log that is yet to be made.</summary>
    /// <param name="looks">How often the caller has looked, with this time.</param>
    internal bool TryTakeForNewLog(int looks)
    {
        long seen = _holders.ChangesFor(log: null);
        return TryTakeFromOthers(except: null) || _holders.TryAwait(log: null, length: 0, seen, looks);
    }

    /// <summary>Frees memory of other logs, so that one log may have more of the budget they share.</summary>
    /// <param name="except">The log that wants the memory; null for a log that is yet to be made.</param>
    private bool TryTakeFromOthers(SegmentLog? except)
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
            // Emptying the first victims may free no chunk yet, since the cleaner's own segment fills first. The number of chunks bounds
            // the loop: nothing else ends it when the system refuses to take memory back.
            for (int i = 0;
                i < log!.Chunks.Count && log != except
                && (redundant.TryDrop(log) || log.Cleaner.TryClean(StoreLevel.Normal) || TryWriteOut(log, StoreLevel.Normal));
                i++)
            {
                if (log.Chunks.TryTrim())
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Gives memory back while more is committed than may be. Waits for devices.</summary>
    /// <returns>False when nothing could be given back.</returns>
    internal bool TryGiveBack()
    {
        long before = budget.CommittedBytes;
        foreach (SegmentLog? log in segments.Logs)
        {
            log!.SealUnused();
            log.Chunks.TryTrim();
        }

        foreach (SegmentLog? log in segments.Logs)
        {
            // As in TryTakeFromOthers. What comes free goes back at once, but for what the log holds back.
            for (int i = 0; i < log!.Chunks.Count && budget.CommittedBytes >= before && TryFreeOne(log); i++)
            {
                log.Chunks.TryTrim();
            }
        }

        return budget.CommittedBytes < before;
    }

    /// <summary>Gives back memory of a pool that is mostly dead: of free segments, and of those that are half dead, which are
    /// emptied.</summary>
    /// <param name="bytes">About so much.</param>
    internal bool TryTrimSparse(long bytes)
    {
        long before = budget.CommittedBytes;
        foreach (SegmentLog? log in segments.Logs)
        {
            long left = bytes - (before - budget.CommittedBytes);
            for (long i = (left / log!.SegmentBytes) + 1; left > 0 && i > 0; i--)
            {
                if (!log.Chunks.TryTrim(max: 1) && !log.Cleaner.TryCleanSparse())
                {
                    break;
                }
            }
        }

        return budget.CommittedBytes < before;
    }

    /// <summary>Begins to write the coldest segments out, though there is room, and gives back the memory of those written before. Does not
    /// wait.</summary>
    internal bool TryWriteCold()
    {
        bool any = false;
        foreach (SegmentLog? log in segments.Logs)
        {
            any |= log!.Chunks.TryTrim(Writeback.Depth);
            any |= Files.IsAny && writeback.TryStart(log) is WritebackStart.Started or WritebackStart.Cleaned;
        }

        return any;
    }

    private bool TryFreeOne(SegmentLog log) =>
        redundant.TryDrop(log)
        || log.Cleaner.TryClean(StoreLevel.Normal)
        || TryWriteOut(log, StoreLevel.Normal)
        || (Files.IsAny && log.Cleaner.TryClean(StoreLevel.Normal, thorough: true));

    private LogWriter? TryPrepareOnce(SegmentLog log, int length, StoreLevel level, bool remedies)
    {
        LogWriter? writer = null;
        bool isPrepared = false;
        try
        {
            while (writer is not null || level > StoreLevel.Normal || Admits(log, length))
            {
                // Takes a free chunk, or one committed from the budget.
                writer ??= log.Borrow();
                isPrepared = writer.TryPrepare(length, level) || (remedies && TryExchange(log, length, ref writer));
                if (isPrepared)
                {
                    return writer;
                }

                if (!remedies || !TryRemedies(log, level, ref writer))
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

    /// <summary>Exchanges a writer without room for one with room that nobody uses.</summary>
    private static bool TryExchange(SegmentLog log, int length, ref LogWriter? writer)
    {
        if (log.TryBorrowRoom(length) is not { } other)
        {
            return false;
        }

        writer!.GiveBack();
        writer = other;
        return true;
    }

    /// <summary>Tries the remedies, in this order, when there is neither a free chunk nor budget for one. Stops after the first that may
    /// have helped.</summary>
    /// <param name="log">The log that needs a segment.</param>
    /// <param name="level">How much of what is held back may be used.</param>
    /// <param name="writer">The writer that needs the segment. It is given back, and set to null, before anything that waits for a
    /// device.</param>
    /// <returns>True when it is worth looking for a segment again.</returns>
    private bool TryRemedies(SegmentLog log, StoreLevel level, ref LogWriter? writer)
    {
        // Every remedy frees chunks. Without memory for one more entry of the segment table, a free chunk is useless.
        if (writer!.LacksNumber)
        {
            return false;
        }

        // Drops the redundant entries (their pages are also in a file) of the coldest segment that holds any. Often that frees it.
        bool isDropped = redundant.TryDrop(log);
        if (isDropped && log.Chunks.HasFreeChunk(level))
        {
            return true;
        }

        // A segment that is mostly dead; or, where none can be written out, any segment that gains something. Also behind what was
        // dropped, so that a segment in which other pages live is emptied before more is dropped.
        if (log.Cleaner.TryClean(level) || isDropped)
        {
            return true;
        }

        // The dead entries in the segment that the writer has open.
        if (writer!.TrySealDead())
        {
            return true;
        }

        writer.GiveBack();
        writer = null;
        return level != StoreLevel.AtHand && TryWaitingRemedies(log, level);
    }

    /// <summary>Tries the remedies that may wait for a device. The caller holds nothing.</summary>
    private bool TryWaitingRemedies(SegmentLog log, StoreLevel level) =>
        TryWriteOut(log, level)
        || (Files.IsAny && log.Cleaner.TryClean(level, thorough: true))
        || TryTakeFromOthers(log);

    /// <summary>Writes a segment to a file, or frees space in a file so that one can be written.</summary>
    private bool TryWriteOut(SegmentLog log, StoreLevel level) =>
        Files.IsAny && (writeback.TryMakeRoom(log, level) || TryFreeSlot(log));

    /// <summary>Frees space in a file: empties a segment with dead pages, or, if none has enough of them, a segment that separates free
    /// runs, so that they join.</summary>
    private bool TryFreeSlot(SegmentLog log)
    {
        // Read before the checks below, so that a segment emptied after them still ends the wait.
        long seen = Emptied.Count;
        int victim = fileCleaner.FindDead();
        if (victim >= 0)
        {
            return TryEmptyFor(victim, log, seen);
        }

        victim = fileCleaner.FindInTheWay(log);

        // A segment that has been emptied gives its slot back when its readers leave it, and reads that this thread has begun are such.
        return (victim >= 0 && TryEmptyFor(victim, log, seen)) || _holders.TryAwaitEmptier(seen) || ReadPlan.TryEnd();
    }

    /// <summary>Empties a segment of a file through the reserve of its log, and makes sure that the log gets its reserve back at
    /// once.</summary>
    /// <remarks>The reserve is refilled even if the slot is wanted for this same log: the page may fit into the rest of the cleaner's
    /// segment instead, and another log's segment may then take the slot. Without its reserve a log could recover no dead space at
    /// all.</remarks>
    /// <returns>True when it is worth looking for room again.</returns>
    private bool TryEmptyFor(int victim, SegmentLog log, long seen)
    {
        SegmentLog owner = segments.Logs[segments[victim]->Log]!;
        if (!owner.Chunks.TryBeginEmptying(out StoreLevel level))
        {
            Emptied.TryWaitBeyond(seen, RoomHolders.WaitMilliseconds);
            return true;
        }

        FileEmptied result = FileEmptied.NoRoom;
        bool isAlone = true;
        long before = 0;
        try
        {
            result = fileCleaner.TryEmpty(victim, level);
            RefillReserve(owner, log);
        }
        finally
        {
            before = Emptied.Count;
            isAlone = owner.Chunks.EndEmptying();
            Emptied.Signal();
        }

        if (result != FileEmptied.NoRoom)
        {
            return true;
        }

        // Two threads may both have found the reserve whole. Then the other thread has taken what there was, and will give it back.
        if (!isAlone)
        {
            // Our own signal is one; it may have come since.
            Emptied.TryWaitBeyond(before + 1, RoomHolders.WaitMilliseconds);
            return true;
        }

        // An eviction of last resort has taken of the reserve since it was found whole. Of one found short more may be used.
        return level == StoreLevel.FileCleaner && !owner.Chunks.HasReserve;
    }

    /// <summary>Gives back to a log what emptying its segments took of its reserve, because it is not certain that another thread will
    /// write a segment for it.</summary>
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
