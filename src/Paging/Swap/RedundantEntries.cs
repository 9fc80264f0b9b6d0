using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>Drops stored pages that are redundant: those of arrays over files, which can be read from there again. They are in the pool
/// because they are likely to be wanted soon, and only as long as nothing else wants the room; they are never written to a swap
/// file.</summary>
/// <remarks>
/// By whole segments, the coldest first: pages that were evicted one after another lie together, so that a segment of nothing else is free
/// at once, and nothing has to be moved. Pages that are still used are stored again at their next eviction.
///
/// Any thread may do it, at any time. It pins the segment, so that the location of an entry there is that entry's for as long, and no other
/// page's: the CAS on the descriptor, from that location, drops what was found redundant under the pin, or fails.
/// </remarks>
internal sealed unsafe class RedundantEntries(SegmentTable segments, DescriptorTable descriptors, PoolBudget budget)
{
    /// <summary>Drops the redundant pages of the coldest segment of a log that has any.</summary>
    /// <returns>False when there are none in segments that are complete.</returns>
    internal bool TryDrop(SegmentLog log)
    {
        if (budget.RedundantBytes == 0)
        {
            return false;
        }

        // Each turn takes a mark.
        while (log.Sealed.TakeRedundant(out int chunk) is >= 0 and int number)
        {
            if (!segments.TryPin(number, out bool onFile))
            {
                // About to go since it was found: what the mark stands for is gone, or has another one. It costs a look.
                log.Sealed.NoteRedundant(chunk);
            }
            else if (DropInPinned(log, number, onFile))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Drops the redundant pages of a segment, if it is complete and in memory. The caller has taken its mark.</summary>
    internal void DropIn(SegmentLog log, int number)
    {
        if (segments.TryPin(number, out bool onFile))
        {
            DropInPinned(log, number, onFile);
        }
    }

    /// <summary>Gives the pin back, too.</summary>
    /// <returns>Whether there were any.</returns>
    private bool DropInPinned(SegmentLog log, int number, bool onFile)
    {
        Segment* segment = segments[number];
        EntrySize dropped = default;
        if (!onFile && segment->Log == log.Index && SegmentWord.State(SegmentWord.Load(&segment->Word)) != SegmentState.Open)
        {
            TestHook.Reach(SharedWord.Segment);
            EntryCursor entries = log.Mover.Entries(number);
            while (entries.MoveNext())
            {
                uint index = (uint)entries.Header->Id;
                Location from = entries.Locate();
                if (from != default && descriptors.IsRedundant(index))
                {
                    // Before the CAS: after it the descriptor may be another page's.
                    EntrySize size = descriptors.SizeAt(index, from);
                    dropped += descriptors.TryMove(index, from, Location.Dropped) ? size : default;
                }
            }
        }

        if (dropped.Entries == 0)
        {
            segments.Unpin(number);
            return false;
        }

        // Until here it looked fuller than it is, so nobody took it for empty.
        segments.DropPinned(number, dropped, onFile: false);
        return true;
    }
}
