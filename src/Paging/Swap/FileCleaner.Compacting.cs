namespace Paging.Swap;

/// <summary>Compaction: joins the free space of a file that lies in pieces too short for a segment.</summary>
/// <remarks>Segments of different page sizes have slots of different lengths, so that what one leaves another may not fit. The segment behind the first
/// free piece is emptied into the pool and what is then written goes to the first place that fits, which begins with that piece: so pieces move up the
/// file and join. Every round moves a segment down, so that rounds end; when they do, what is free is in one piece. A file is compacted only while more
/// than a thirty-second of it is free, so that it copies no more for a byte gained than cleaning does.</remarks>
internal sealed unsafe partial class FileCleaner
{
    /// <summary>Whether a file has space for a segment of a log, though perhaps not in one piece.</summary>
    internal bool CanCompact(SegmentLog log)
    {
        foreach (SwapArea? area in segments.Files.Areas)
        {
            if (area is not null && area.CanCompact(log.SegmentBytes, MinDeadShift))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The segment to be moved out of the way of a thread that needs a slot for a segment of a log; −1 when there is none. What is written next goes
    /// to the first place that fits.</summary>
    internal int FindInTheWay(SegmentLog log)
    {
        foreach (SwapArea? area in segments.Files.Areas)
        {
            if (area is not null && area.CanCompact(log.SegmentBytes, MinDeadShift))
            {
                int victim = FindBehindGap(area);
                if (victim >= 0)
                {
                    area.Rewind();
                    return victim;
                }
            }
        }

        return -1;
    }

    /// <summary>The first segment of a file with free space before it, of a log that its pages may be moved into now; −1 when there is none.</summary>
    private int FindBehindGap(SwapArea area)
    {
        int first = -1;
        uint block = uint.MaxValue;
        int end = segments.End;
        for (int i = 0; i < end; i++)
        {
            Segment* segment = segments[i];
            if (SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.OnFile
                && segment->File == area.Number
                && segment->Damaged == 0
                && segment->Block < block
                && area.IsFreeBefore(segment->Block)
                && segments.Logs[segment->Log]!.Chunks.MayBeEmptiedInto)
            {
                first = i;
                block = segment->Block;
            }
        }

        return first;
    }
}
