using Paging.Diagnostics;

namespace Paging.Swap;

internal enum FileEmptied
{
    /// <summary>Nothing lives in the segment any more; its slot is free, or will be when its last reader leaves.</summary>
    Empty,

    /// <summary>Another thread has it, or it went meanwhile.</summary>
    Elsewhere,

    /// <summary>The pool has no room for what lives in it.</summary>
    NoRoom,

    /// <summary>Some of it cannot be read; the rest has been moved.</summary>
    Unreadable,
}

/// <summary>Empties segments in swap files: what lives in them is read in one transfer and moved into the pool, entry by entry, as the
/// cleaner of the pool does. For space of dead pages, and for swapoff.</summary>
/// <remarks>Reads without holding anything but its claim on the segment and a buffer. What it moves goes through the pool's cleaner, whose
/// reserve segment is enough for any one victim: so a full pool in front of a full file can still be cleaned.</remarks>
internal sealed unsafe class FileCleaner(SwapStore store, SegmentTable segments, DescriptorTable descriptors, Counters counters)
{
    /// <summary>Share of a segment that must be dead for it to be worth reading.</summary>
    private const double LeastDead = 1.0 / 8;

    /// <summary>Files are cleaned in the background below this share of free slots.</summary>
    private const int AheadShift = 4;

    /// <summary>Whether so much is dead in the files that cleaning them yields slots.</summary>
    internal bool HasDead(int segmentBytes)
    {
        long used = segments.Files.UsedBytes;
        return used - counters[Counter.FileLiveBytes] > Math.Max(4L * segmentBytes, used >> 3);
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
            bool filling = area.State == AreaState.InUse && area.UsedBytes > area.Device.Bytes - (area.Device.Bytes >> AheadShift);
            if (retired || filling)
            {
                int victim = FindDeadest(area, retired ? 0 : LeastDead);
                if (victim >= 0 && TryEmpty(victim, StoreLevel.Normal) == FileEmptied.Empty)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Frees a slot by cleaning, for a thread that needs one. Waits for a device.</summary>
    internal bool TryCleanOne()
    {
        int victim = FindDeadest(null, LeastDead);
        return victim >= 0 && TryEmpty(victim, StoreLevel.Cleaner) is FileEmptied.Empty or FileEmptied.Elsewhere;
    }

    /// <summary>The segment of a file, or of any that takes segments, with the least alive; −1 when none has enough dead.</summary>
    private int FindDeadest(SwapArea? area, double leastDead)
    {
        int best = -1;
        int bestLive = int.MaxValue;
        int end = segments.End;
        for (int i = 0; i < end; i++)
        {
            Segment* segment = segments[i];
            if (SegmentWord.State(SegmentWord.Load(&segment->Word)) != SegmentState.OnFile || segment->Damaged != 0)
            {
                continue;
            }

            int live = Volatile.Read(ref segment->Live) << Location.UnitShift;
            int file = segment->File;
            if (live < bestLive
                && segment->Used - live >= leastDead * segment->Used
                && (area is null ? file != 0 && segments.Files.Areas[file - 1]?.State == AreaState.InUse : file == area.Number))
            {
                best = i;
                bestLive = live;
            }
        }

        return best;
    }

    /// <summary>Moves what lives in a segment into the pool.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="level">Normal waits for room to be made ahead of what the cleaner holds back; Cleaner does not.</param>
    internal FileEmptied TryEmpty(int number, StoreLevel level)
    {
        Segment* segment = segments[number];
        if (!SegmentWord.TryBeginFileCleaning(&segment->Word))
        {
            return FileEmptied.Elsewhere;
        }

        SegmentLog log = segments.Logs[segment->Log]!;
        byte* bytes = log.SegmentBuffers.Rent();
        FileEmptied result;
        try
        {
            result = MoveOut(log, number, bytes, level);
        }
        finally
        {
            log.SegmentBuffers.Return(bytes);
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

        SegmentWord.AbandonFileCleaning(&segment->Word);
        segments.RetireIfEmpty(number, SegmentState.Sealed);
        return result;
    }

    private FileEmptied MoveOut(SegmentLog log, int number, byte* bytes, StoreLevel level)
    {
        Segment* segment = segments[number];
        SwapArea area = segments.Files.Of(segment);
        BlockRange range = BlockRange.Of(area.Device, segment->Block, 0, segment->Used);
        int error = area.Read(range, bytes, (ulong)segment->SealedAt, counters);
        if (error != 0)
        {
            segment->Damaged = 1;
            return FileEmptied.Unreadable;
        }

        int offset = 0;
        while (!log.TryMoveIn(number, bytes, ref offset))
        {
            if (segment->Damaged != 0)
            {
                return FileEmptied.Unreadable;
            }

            if (level == StoreLevel.Cleaner || !store.TryMakeRoomFor(log))
            {
                return FileEmptied.NoRoom;
            }
        }

        return FileEmptied.Empty;
    }

    /// <summary>Moves out of a segment what can be read of it, entry by entry, and gives up the rest: it becomes lost, so that the file can
    /// be removed. For swapoff.</summary>
    /// <returns>False when the pool has no room.</returns>
    internal bool TrySalvage(int number)
    {
        Segment* segment = segments[number];
        if (!SegmentWord.TryBeginFileCleaning(&segment->Word))
        {
            return true;
        }

        bool hasRoom = true;
        SegmentLog log = segments.Logs[segment->Log]!;
        byte* buffer = log.EntryBuffers.Rent();
        try
        {
            uint end = descriptors.End;
            for (uint index = 1; index < end && hasRoom; index++)
            {
                Location location = descriptors.Locate(index);
                if (location.Where == Location.Kind.Segment && location.Segment == number)
                {
                    hasRoom = TrySalvageEntry(log, index, location, buffer);
                }
            }
        }
        finally
        {
            log.EntryBuffers.Return(buffer);
        }

        SegmentWord.AbandonFileCleaning(&segment->Word);
        segments.RetireIfEmpty(number, SegmentState.Sealed);
        return hasRoom;
    }

    private bool TrySalvageEntry(SegmentLog log, uint index, Location location, byte* buffer)
    {
        Segment* segment = segments[location.Segment];
        SwapArea area = segments.Files.Of(segment);
        int bytes = location.Units << Location.UnitShift;
        var range = BlockRange.Of(area.Device, segment->Block, location.Offset, bytes);
        int error = area.Read(range, buffer, (ulong)segment->SealedAt, counters);
        EntryHeader* header = (EntryHeader*)(buffer + range.Skip);
        if (error == 0 && (uint)header->Id == index && header->Units == location.Units)
        {
            while (!log.TryMoveIn(header, location))
            {
                if (!store.TryMakeRoomFor(log))
                {
                    return false;
                }
            }

            return true;
        }

        // Its details say how much of it is to be counted out; they are constant as long as the location is.
        EntrySize size = descriptors.SizeAt(index, location);
        Volatile.ReadBarrier();
        if (descriptors.TryMove(index, location, Location.Lost))
        {
            counters.Add(Counter.CorruptedPages);
            segments.Count(size, onFile: true, -1);
            segments.Debit(location.Segment, size);
        }

        return true;
    }
}
