using Paging.Codecs;
using Paging.Diagnostics;

namespace Paging.Swap;

internal enum FileEmptied
{
    /// <summary>Nothing lives in the segment any more; its slot is free, or will be when its last reader leaves.</summary>
    Empty,

    /// <summary>Another thread has it, it went meanwhile, or an entry of it is in another thread's hands: look again.</summary>
    Elsewhere,

    /// <summary>The pool has no room for what lives in it.</summary>
    NoRoom,

    /// <summary>It cannot be read as a whole, or its entries cannot be told apart.</summary>
    Unreadable,
}

/// <summary>Empties segments in swap files: what lives in them is read in one transfer and moved into the pool, entry by entry, as the
/// cleaner of the pool does. For space of dead pages, and for swapoff.</summary>
/// <remarks>It reads without holding anything but its claim on the segment and a buffer, and makes room without the buffer. To free a slot for a
/// thread that needs one it may use one segment of what is held back, and writes one of the same log for that at once; swapoff and
/// the background use none (rule 9).</remarks>
internal sealed unsafe partial class FileCleaner(SwapStore store, SegmentTable segments, DescriptorTable descriptors, Counters counters)
{
    /// <summary>Share of a segment that must be dead for it to be worth reading ahead of demand.</summary>
    private const double LeastDead = 1.0 / 8;

    /// <summary>The same, as a shift, where a page would be refused otherwise: at the limit 31 bytes are read and written again for each byte gained.</summary>
    private const int LeastDeadShift = 5;

    private const int MostRefills = 16;

    /// <summary>How long one that empties a segment is waited for at a time.</summary>
    private const int WaitMilliseconds = 20;

    /// <summary>Segments that were emptied through a log's reserve, or could not be.</summary>
    private readonly EventCount _emptied = new();

    /// <summary>Files are cleaned in the background below this share of free slots.</summary>
    private const int AheadShift = 4;

    /// <summary>Whether so much is dead in a file that takes segments that cleaning it yields slots.</summary>
    /// <remarks>Nothing is remembered of what was found before: the sums are of each file and log, and change with every entry that dies there. A sum
    /// above the threshold of a segment is above that of one of its segments at least, so that who looks for one finds it; what stays below is
    /// no more than a thirty-second of the file.</remarks>
    internal bool HasDead
    {
        get
        {
            int logs = segments.Logs.Length;
            foreach (SwapArea? area in segments.Files.Areas)
            {
                for (int log = 0; log < logs && area is { IsTaking: true }; log++)
                {
                    if (area.HasDead(log, LeastDeadShift))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    /// <summary>One step: moves a segment off a file that keeps failing, or recovers the space of dead pages of a file that fills up.</summary>
    internal bool CleanAhead()
    {
        foreach (SwapArea? area in segments.Files.Areas)
        {
            if (area is null)
            {
                continue;
            }

            bool retired = area.State == AreaState.Retired && !area.IsEmpty;
            bool filling = area.State == AreaState.InUse && area.UsedBytes > area.Bytes - (area.Bytes >> AheadShift);
            if (retired || filling)
            {
                int victim = FindDeadest(area, retired ? 0 : LeastDead);

                // Nothing is read that there is no room for. One that cannot be read is not chosen again, so that the next one's turn comes.
                if (victim >= 0
                    && segments.Logs[segments[victim]->Log]!.Chunks.HasFree(StoreLevel.Normal)
                    && TryEmpty(victim, StoreLevel.AtHand) is FileEmptied.Empty or FileEmptied.Unreadable)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Frees a slot by cleaning, or comes closer to that, for a thread that needs one for a segment of a log. Waits for devices.</summary>
    /// <remarks>Each round takes a segment with at least a thirty-second dead and leaves none like it, so that rounds end. Any log's will do: its space
    /// is anybody's once it is free.</remarks>
    /// <returns>True when it is worth looking again; false when there is nothing left to clean.</returns>
    internal bool TryCleanOne(SegmentLog log)
    {
        // Before the looks: who is done with a segment behind them is not slept through.
        long seen = _emptied.Count;
        int victim = HasDead ? FindDeadest(area: null, 1.0 / (1 << LeastDeadShift)) : -1;
        return victim >= 0 ? TryEmptyFor(victim, log, seen) : TryCompactOne(log, seen) || AwaitEmptier(seen);
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

    /// <summary>Empties a segment through the reserve of its log, and sees to it that the log gets that back at once.</summary>
    /// <remarks>Though the slot is wanted for the same log: what the emptying leaves of the cleaner's segment may be room enough for who wanted the slot, and
    /// the slot be taken by another log's segment then. A log short of its reserve would have nothing recovered.</remarks>
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
            result = TryEmpty(victim, level);
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
        for (int i = 0; i < MostRefills && !owner.Chunks.TryRefill(); i++)
        {
            if (!store.Writeback.TryMakeRoom(owner, StoreLevel.Normal)
                && !(store.Writeback.TryMakeRoom(log, StoreLevel.Normal) && log.Chunks.TryTrim()))
            {
                return;
            }
        }
    }

    /// <summary>Moves what lives in a segment into the pool.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="level">How deep into the pool's reserves it may go. Normal has room made for it, by writing to other files too.</param>
    internal FileEmptied TryEmpty(int number, StoreLevel level)
    {
        Segment* segment = segments[number];
        if (!SegmentWord.TryBeginFileCleaning(&segment->Word))
        {
            return FileEmptied.Elsewhere;
        }

        SegmentLog log = segments.Logs[segment->Log]!;
        int offset = 0;
        FileEmptied result;
        bool isClaimed = true;
        try
        {
            do
            {
                result = MoveOut(log, number, ref offset, level);
            }
            while (result == FileEmptied.NoRoom && level == StoreLevel.Normal && store.TryMakeRoomFor(log));
            isClaimed = false;
        }
        finally
        {
            if (isClaimed)
            {
                LetGo(number);
            }
        }

        if (result == FileEmptied.Empty && Volatile.Read(ref segment->Live) == 0)
        {
            segments.RetireIfEmpty(number, SegmentState.FileCleaning);
            return result;
        }

        if (result == FileEmptied.Empty)
        {
            // Either a thread is about to publish an entry, or to count one out; or an entry's header does not own up to it.
            result = FileEmptied.Elsewhere;
            segment->Damaged = (byte)(descriptors.IsAnyIn(number) ? 1 : 0);
        }

        LetGo(number);
        return result;
    }

    /// <summary>Moves what can be read of the damaged segments of a file, entry by entry, and gives up the rest: it becomes lost, so that the file
    /// can be removed. For swapoff; one look at every descriptor for all segments together.</summary>
    /// <returns>False when the pool has no room.</returns>
    internal bool TrySalvage(SwapArea area, CancellationToken cancellation)
    {
        uint end = descriptors.End;
        for (uint index = 1; index < end; index++)
        {
            if ((index & 0xFFF) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            Location location = descriptors.Locate(index);
            if (location.Where != Location.Kind.Segment)
            {
                continue;
            }

            Segment* segment = segments[location.Segment];
            if (segment->File != area.Number || segment->Damaged == 0 || !SegmentWord.TryBeginFileCleaning(&segment->Word))
            {
                continue;
            }

            bool hasRoom = true;
            try
            {
                if (segment->File == area.Number)
                {
                    SegmentLog log = segments.Logs[segment->Log]!;
                    while (!TrySalvageEntry(log, index, location) && (hasRoom = store.TryMakeRoomFor(log)))
                    {
                    }
                }
            }
            finally
            {
                LetGo(location.Segment);
            }

            if (!hasRoom)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The segment of a file, or of any that takes segments, with the largest share of it dead; −1 when none has enough.</summary>
    /// <remarks>For a thread that needs a slot (no file given), only of logs that it may empty segments of.</remarks>
    private int FindDeadest(SwapArea? area, double leastDead)
    {
        int best = -1;
        double bestDead = 0;
        int end = segments.End;
        for (int i = 0; i < end; i++)
        {
            Segment* segment = segments[i];
            if (SegmentWord.State(SegmentWord.Load(&segment->Word)) != SegmentState.OnFile || segment->Damaged != 0)
            {
                continue;
            }

            SegmentLog log = segments.Logs[segment->Log]!;
            double holds = log.Holds(segment);
            double dead = 1 - ((Volatile.Read(ref segment->Live) << Location.UnitShift) / holds);
            int file = segment->File;
            if ((dead > bestDead || best < 0)
                && dead >= leastDead
                && (area is null ? file != 0 && segments.Files.Areas[file - 1] is { IsTaking: true } && log.Chunks.MayBeEmptiedInto : file == area.Number))
            {
                best = i;
                bestDead = dead;
            }
        }

        return best;
    }

    private FileEmptied MoveOut(SegmentLog log, int number, ref int offset, StoreLevel level)
    {
        Segment* segment = segments[number];
        SwapArea area = segments.Files.Of(segment);
        BlockRange range = BlockRange.Of(area.Device, segment->Block, 0, segment->Used);
        byte* bytes = log.SegmentBuffers.Rent();
        try
        {
            // A bad read may be the device's mood: what is bad a second time is damaged.
            for (int tries = 2; tries > 0; tries--)
            {
                segment->Damaged = 0;
                if (area.Read(range, bytes, (ulong)segment->SealedAt, counters) != 0)
                {
                    segment->Damaged = 1;
                }
                else if (log.Mover.TryMoveIn(number, bytes, ref offset, level))
                {
                    return FileEmptied.Empty;
                }
                else if (segment->Damaged == 0)
                {
                    return FileEmptied.NoRoom;
                }
            }

            return FileEmptied.Unreadable;
        }
        finally
        {
            log.SegmentBuffers.Return(bytes);
        }
    }

    /// <returns>False when the pool has no room.</returns>
    private bool TrySalvageEntry(SegmentLog log, uint index, Location location)
    {
        Segment* segment = segments[location.Segment];
        SwapArea area = segments.Files.Of(segment);
        var range = BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);
        byte* buffer = log.EntryBuffers.Rent();
        try
        {
            EntryHeader* header = (EntryHeader*)(buffer + range.Skip);
            for (int tries = 2; tries > 0; tries--)
            {
                if (area.Read(range, buffer, (ulong)segment->SealedAt, counters) == 0
                    && (uint)header->Id == index && header->Units == location.Units && header->IsIntact())
                {
                    return log.Mover.TryMoveIn(header, location, StoreLevel.Normal);
                }
            }
        }
        finally
        {
            log.EntryBuffers.Return(buffer);
        }

        // Its details say how much of it is to be counted out; they are constant as long as the location is.
        EntrySize size = descriptors.SizeAt(index, location);
        bool isRaw = (Codec)descriptors.Details(index).Second == Codec.Raw && !location.IsRecompressed;
        Volatile.ReadBarrier();
        if (descriptors.TryMove(index, location, Location.Lost))
        {
            counters.Add(Counter.CorruptedPages);
            if (isRaw)
            {
                counters.Add(Counter.IncompressiblePages, -1);
            }

            segments.CountOut(location.Segment, size, onFile: true);
            segments.Debit(location.Segment, size);
        }

        return true;
    }

    /// <summary>Ends a claim on a segment that may be empty by now.</summary>
    private void LetGo(int number)
    {
        SegmentWord.AbandonFileCleaning(&segments[number]->Word);
        segments.RetireIfEmpty(number, SegmentState.Sealed);
    }
}
