using Paging.Swap.Devices;
using Paging.Threading;

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
/// <remarks>It reads without holding anything but its claim on the segment and a buffer. To free a slot for a
/// thread that needs one it may use one segment of what is held back, which is given back by writing one of the same log at once (by <see cref="Room"/>); swapoff and
/// the background use none (rule 9).</remarks>
internal sealed unsafe partial class FileCleaner(SegmentTable segments, DescriptorTable descriptors, Counters counters)
{
    /// <summary>Share of a segment that must be dead for it to be worth reading ahead of demand.</summary>
    private const double MinDead = 1.0 / 8;

    /// <summary>The same, as a shift, where a page would be refused otherwise: at the limit 31 bytes are read and written again for each byte gained.</summary>
    private const int MinDeadShift = 5;

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
                    if (area.HasDead(log, MinDeadShift))
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
                int victim = FindDeadest(area, retired ? 0 : MinDead);

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

    /// <summary>A segment with so much dead that emptying it brings a thread closer to a slot; −1 when there is none.</summary>
    /// <remarks>At least a thirty-second of it is, whichever log it is of: its space is anybody's once it is free. Emptying it leaves none like it, so that
    /// rounds end.</remarks>
    internal int FindDead() => HasDead ? FindDeadest(area: null, 1.0 / (1 << MinDeadShift)) : -1;

    /// <summary>Moves what lives in a segment into the pool.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="level">How deep into the pool's reserves it may go.</param>
    /// <param name="room">Makes more room where there is too little; null where that is to end it.</param>
    internal FileEmptied TryEmpty(int number, StoreLevel level, Room? room = null)
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
            while (result == FileEmptied.NoRoom && room is not null && room.TryMake(log));
            isClaimed = false;
        }
        finally
        {
            if (isClaimed)
            {
                segments.EndFileCleaning(number);
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

        segments.EndFileCleaning(number);
        return result;
    }

    /// <summary>The segment of a file, or of any that takes segments, with the largest share of it dead; −1 when none has enough.</summary>
    /// <remarks>For a thread that needs a slot (no file given), only of logs that it may empty segments of.</remarks>
    private int FindDeadest(SwapArea? area, double minDead)
    {
        int rank = (int)(minDead * DeadShare.Ranks);
        if (area is not null)
        {
            return segments.OnFile.FindDeadest(area, minDead, logs: uint.MaxValue, ref rank);
        }

        uint logs = 0;
        foreach (SegmentLog? log in segments.Logs)
        {
            logs |= log!.Chunks.MayBeEmptiedInto ? 1u << log.Index : 0;
        }

        int best = -1;
        foreach (SwapArea? taking in segments.Files.Areas)
        {
            if (taking is { IsTaking: true } && segments.OnFile.FindDeadest(taking, minDead, logs, ref rank) is >= 0 and int found)
            {
                best = found;
                rank++;
            }
        }

        return best;
    }

    private FileEmptied MoveOut(SegmentLog log, int number, ref int offset, StoreLevel level)
    {
        Segment* segment = segments[number];
        SwapArea area = segments.Files.Of(segment);
        BlockRange range = BlockRange.Of(area.Device, segment->Block, 0, segment->Used);
        using BounceBuffers.Scope rented = log.SegmentBuffers.Rent(out byte* bytes);

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
}
