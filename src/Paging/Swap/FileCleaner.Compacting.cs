namespace Paging.Swap;

/// <summary>Compaction: joins the free space of a file that lies in pieces too short for a segment.</summary>
/// <remarks>Segments of different page sizes have slots of different lengths, so the slot of one may be too short for another. The segment
/// behind the first free piece is emptied into the pool, and the next segment written goes to the first place that fits, which begins with
/// that piece. So free pieces move up the file and join. Every round moves a segment down, so the rounds end, and then the free space is in
/// one piece. A file is compacted only while more than a thirty-second of it is free, so that compaction copies no more for a byte gained
/// than emptying segments with dead entries does.</remarks>
internal sealed unsafe partial class FileCleaner
{
    /// <summary>Whether a file has enough free space for a segment of a log, though perhaps not in one piece.</summary>
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

    /// <summary>The segment to be moved out of the way of a thread that needs a slot for a segment of a log; −1 when there is none. The
    /// next segment written then goes to the first place that fits.</summary>
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

    /// <summary>The first segment of a file that has free space before it and whose log can take its pages now; −1 when there is
    /// none.</summary>
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
