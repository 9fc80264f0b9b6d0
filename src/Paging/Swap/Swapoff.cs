using Paging.Codecs;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Swapoff: moves everything off a file, so that it can be removed.</summary>
/// <remarks>It scans the segment table, never page tables. It uses nothing of the pool's reserve: room is made as for a store, also by
/// writing to other files, and the thread holds nothing but the claim on the segment meanwhile. Entries that cannot be read become lost,
/// one by one, so that draining ends.</remarks>
internal sealed unsafe class Swapoff(
    SegmentTable segments,
    DescriptorTable descriptors,
    Counters counters,
    Room room,
    FileCleaner fileCleaner,
    Writeback writeback,
    Rundown rundown)
{
    /// <summary>How often in a row there may be no room before it is said that there is none. A page that another thread stores again, to
    /// have it out of the file, say, has two entries for a moment.</summary>
    private const int MaxRefusals = 32;

    /// <summary>Moves everything off a file that takes no more segments.</summary>
    /// <param name="area">The file.</param>
    /// <param name="cancellation">Ends it between two segments or entries.</param>
    /// <returns>False when the pool and the other files have no room, or the pager is being disposed. What was moved by then stays
    /// moved.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled. What was moved by then stays moved.</exception>
    internal bool TryDrain(SwapArea area, CancellationToken cancellation)
    {
        int refusals = 0;
        while (!area.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            if (rundown.IsClosed)
            {
                return false;
            }

            long seen = writeback.Completions.Count;
            bool any = false;
            bool anyDamaged = false;
            bool hasRoom = true;
            int end = segments.End;
            for (int i = 0; i < end && hasRoom; i++)
            {
                Segment* segment = segments[i];
                if (segment->File != area.Number || SegmentWord.State(SegmentWord.Load(&segment->Word)) != SegmentState.OnFile)
                {
                    continue;
                }

                cancellation.ThrowIfCancellationRequested();
                if (rundown.IsClosed)
                {
                    return false;
                }

                switch (segment->Damaged == 0 ? TryEmpty(i) : FileEmptied.Unreadable)
                {
                    case FileEmptied.Empty:
                        any = true;
                        break;

                    case FileEmptied.NoRoom:
                        hasRoom = false;
                        break;

                    case FileEmptied.Unreadable:
                        anyDamaged = true;
                        break;
                }
            }

            hasRoom = hasRoom && (!anyDamaged || TrySalvage(area, cancellation));
            refusals = any ? 0 : refusals;
            if (!hasRoom && ++refusals > MaxRefusals)
            {
                return false;
            }

            // The segments that are left are being written to the file or read, or an entry is about to be published or freed by another
            // thread.
            if (!any && !area.IsEmpty)
            {
                if (writeback.InFlight != 0)
                {
                    writeback.Completions.WaitBeyond(seen);
                }
                else
                {
                    Spinner.Yield();
                }
            }
        }

        return true;
    }

    /// <summary>Moves the live entries of a segment into the pool, making room for them as long as that helps.</summary>
    internal FileEmptied TryEmpty(int segment) => fileCleaner.TryEmpty(segment, StoreLevel.Normal, room);

    /// <summary>Moves the readable entries out of the damaged segments of a file, and gives up the others: they become lost, so that the
    /// file can be removed. Goes through all descriptors once, for all segments together.</summary>
    /// <returns>False when the pool has no room.</returns>
    private bool TrySalvage(SwapArea area, CancellationToken cancellation)
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
                    while (!TrySalvageEntry(log, index, location) && (hasRoom = room.TryMake(log)))
                    {
                    }
                }
            }
            finally
            {
                segments.EndFileCleaning(location.Segment);
            }

            if (!hasRoom)
            {
                return false;
            }
        }

        return true;
    }

    /// <returns>False when the pool has no room.</returns>
    private bool TrySalvageEntry(SegmentLog log, uint index, Location location)
    {
        Segment* segment = segments[location.Segment];
        SwapArea area = segments.Files.Of(segment);
        var range = BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);
        using (log.EntryBuffers.Rent(out byte* buffer))
        {
            EntryHeader* header = (EntryHeader*)(buffer + range.Skip);
            for (int tries = 2; tries > 0; tries--)
            {
                if (area.Read(range, buffer, (ulong)segment->SealedAt, counters) == 0
                    && (uint)header->Id == index && header->Units == location.Units && header->IsIntact())
                {
                    return log.Mover.TryMoveIn(header, location);
                }
            }
        }

        // Its details give the size to be counted out. They are constant as long as the location is.
        EntrySize size = descriptors.SizeAt(index, location);
        Volatile.ReadBarrier();
        if (descriptors.TryMove(index, location, Location.Lost))
        {
            segments.Accounts.Lost(segment, size);
            segments.Debit(location.Segment, size, onFile: true);
        }

        return true;
    }
}
