using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

internal enum FileEmptied
{
    /// <summary>Nothing in the segment is alive any more. Its slot is free, or will be when its last reader leaves.</summary>
    Empty,

    /// <summary>Another thread has claimed it, it was freed meanwhile, or another thread is at work on an entry of it: look
    /// again.</summary>
    Elsewhere,

    /// <summary>The pool has no room for its live entries.</summary>
    NoRoom,

    /// <summary>It cannot be read as a whole, or its entries cannot be told apart.</summary>
    Unreadable,
}

/// <summary>Empties segments in swap files: reads the segment in one transfer and moves its live entries into the pool, one by one, as the
/// cleaner of the pool does. Used to recover the space of dead pages, and for swapoff.</summary>
/// <remarks>While it reads, it holds nothing but its claim on the segment and a buffer. To free a slot for a thread that needs one, it may
/// use one segment of the reserve, which <see cref="Room"/> gives back by writing one of the same log at once. Swapoff and the background
/// use none of the reserve (rule 9).</remarks>
internal sealed unsafe partial class FileCleaner(SegmentTable segments, DescriptorTable descriptors, Counters counters)
{
    /// <summary>The share of a segment that must be dead for it to be worth reading ahead of demand.</summary>
    private const double MinDead = 1.0 / 8;

    /// <summary>The same share as a shift, where a page would be refused otherwise. At this limit 31 bytes are read and written again for
    /// each byte gained.</summary>
    private const int MinDeadShift = 5;

    /// <summary>How often room is made for one segment that is moved off a file: others may take it as fast, and whoever removes the file
    /// wants to be told of cancellation.</summary>
    private const int MaxRounds = 64;

    /// <summary>In the background, segments of a file are emptied when less than this share of it is free, as a shift.</summary>
    private const int AheadShift = 4;

    /// <summary>Threads that are emptying a segment.</summary>
    private int _atWork;

    /// <summary>Signalled whenever a thread has finished trying to empty a segment, successfully or not.</summary>
    internal EventCount Ended { get; } = new();

    /// <summary>Whether a thread is emptying a segment of a file, so that others do not find that.</summary>
    internal bool IsAtWork => Shared.Read(SharedWord.Counter, ref _atWork) != 0;

    /// <summary>Whether so much is dead in a file that takes segments that emptying some of them yields slots.</summary>
    /// <remarks>Earlier findings are not remembered: the sums belong to a file and a log, and change with every entry that dies there. If a
    /// sum is above the threshold, at least one of its segments is above it too, so a search finds one. What stays below the threshold is
    /// at most a thirty-second of the file.</remarks>
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

    /// <summary>Takes one step: moves a segment off a file that keeps failing, or recovers the space of dead pages of a file that fills
    /// up.</summary>
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

                // A segment is read only if there is room for its entries. One that cannot be read is not chosen again, so the next one
                // gets its turn.
                if (victim >= 0
                    && segments.Logs[segments[victim]->Log]!.Chunks.HasRoom
                    && TryEmpty(victim, StoreLevel.AtHand) is FileEmptied.Empty or FileEmptied.Unreadable)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>A segment with enough dead bytes that emptying it brings a thread closer to a slot; −1 when there is none.</summary>
    /// <remarks>At least a thirty-second of it is dead. It may belong to any log, since any log may use its space once that is free.
    /// Emptying it leaves no segment like it behind, so the rounds end.</remarks>
    internal int FindDead() => HasDead ? FindDeadest(area: null, 1.0 / (1 << MinDeadShift)) : -1;

    /// <summary>Moves the live entries of a segment into the pool.</summary>
    /// <param name="number">The segment's number.</param>
    /// <param name="level">How much of the pool's reserve may be used.</param>
    /// <param name="room">Makes more room where there is too little; null to give up then.</param>
    internal FileEmptied TryEmpty(int number, StoreLevel level, Room? room = null)
    {
        // First, so that whoever does not find the segment sees this thread at work.
        Shared.Increment(SharedWord.Counter, ref _atWork);
        try
        {
            return SegmentWord.TryBeginFileCleaning(&segments[number]->Word) ? EmptyClaimed(number, level, room) : FileEmptied.Elsewhere;
        }
        finally
        {
            EndWork();
        }
    }

    private void EndWork()
    {
        Shared.Decrement(SharedWord.Counter, ref _atWork);
        Ended.Signal();
    }

    private FileEmptied EmptyClaimed(int number, StoreLevel level, Room? room)
    {
        Segment* segment = segments[number];
        SegmentLog log = segments.Logs[segment->Log]!;
        int offset = 0;
        FileEmptied result;
        bool isClaimed = true;
        try
        {
            int rounds = 0;
            do
            {
                result = MoveOut(log, number, ref offset, level);
            }
            while (result == FileEmptied.NoRoom && room is not null && ++rounds < MaxRounds && TryMakeRoom(room, log));
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
            // Either a thread is about to publish an entry or to count one out, or there is a live entry whose header does not say so.
            result = FileEmptied.Elsewhere;
            segment->Damaged = (byte)(descriptors.IsAnyIn(number) ? 1 : 0);
        }

        segments.EndFileCleaning(number);
        return result;
    }

    /// <summary>Makes room for what is left of a segment. Meanwhile this thread holds nothing that others could wait for: two that empty
    /// files would wait for each other.</summary>
    private bool TryMakeRoom(Room room, SegmentLog log)
    {
        EndWork();
        try
        {
            return room.TryMake(log);
        }
        finally
        {
            Shared.Increment(SharedWord.Counter, ref _atWork);
        }
    }

    /// <summary>The segment with the largest share of dead bytes, in one file or in all files that take segments; −1 when none has
    /// enough.</summary>
    /// <remarks>If no file is given, a thread needs a slot. Then only logs count whose segments it may empty.</remarks>
    private int FindDeadest(SwapArea? area, double minDead)
    {
        int rank = DeadShare.AtLeast(minDead);
        if (area is not null)
        {
            return segments.OnFile.FindDeadest(area, minDead, logs: (1u << SegmentTable.MaxLogs) - 1, ref rank);
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

        // A read may fail once by chance. Bytes that are bad a second time are damaged.
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
