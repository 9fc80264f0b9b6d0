using Paging.Codecs;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Swapoff: moves everything off a file, so that it can be removed.</summary>
/// <remarks>It scans the segment table, never page tables. It uses nothing of what the pool holds back: room is made as for a store, by writing to other files
/// too, with nothing held but the claim on the segment. What cannot be read becomes lost, entry by entry, so that it ends.</remarks>
internal sealed unsafe class Swapoff(
    SegmentTable segments, DescriptorTable descriptors, Counters counters, Room room, FileCleaner fileCleaner, Writeback writeback, Rundown rundown)
{
    /// <summary>Moves everything off a file that takes no more segments.</summary>
    /// <returns>False when the pool and the other files have no room, or the pager is being disposed; what was moved stays moved.</returns>
    internal bool TryDrain(SwapArea area, CancellationToken cancellation)
    {
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
            int end = segments.End;
            for (int i = 0; i < end; i++)
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
                        return false;

                    case FileEmptied.Unreadable:
                        anyDamaged = true;
                        break;
                }
            }

            if (anyDamaged && !TrySalvage(area, cancellation))
            {
                return false;
            }

            // What is left is being written to the file, being read, or about to be published or freed by another thread.
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

    /// <summary>Moves what lives in a segment into the pool, making room as long as that helps.</summary>
    internal FileEmptied TryEmpty(int segment) => fileCleaner.TryEmpty(segment, StoreLevel.Normal, room);

    /// <summary>Moves what can be read of the damaged segments of a file, entry by entry, and gives up the rest: it becomes lost, so that the file
    /// can be removed.
    /// One look at every descriptor for all segments together.</summary>
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
                    return log.Mover.TryMoveIn(header, location, StoreLevel.Normal);
                }
            }
        }

        // Its details say how much of it is to be counted out; they are constant as long as the location is.
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
