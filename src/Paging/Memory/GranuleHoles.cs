namespace Paging.Memory;

/// <summary>Gives back the memory of single frames of a granule.</summary>
internal static unsafe class GranuleHoles
{
    /// <summary>Gives back the memory of frames that are set aside, and marks them. Under the pool's gate.</summary>
    /// <param name="size">The class of the frames.</param>
    /// <param name="memory">The address space of all classes.</param>
    /// <param name="first">The first frame of the granule.</param>
    /// <param name="end">One past the last frame of it that has memory or had.</param>
    /// <param name="granuleShift">Frames in a granule.</param>
    /// <param name="max">The most frames to give back.</param>
    /// <returns>How many were. Less than could be, when the system refuses to take memory back.</returns>
    internal static long Make(FrameClass size, Reservation memory, long first, long end, int granuleShift, long max)
    {
        int unit = size.Granules.FramesInUnit;
        long made = 0;
        bool isAdvised = size.PageBytes >= Reservation.HugePageBytes || size.PageBytes << granuleShift < Reservation.HugePageBytes;
        for (long at = first; at + unit <= end && made < max;)
        {
            long until = FrameMarks.EndOfRun(size.Records, at, end, unit, max - made, out int frames);
            if (frames == 0)
            {
                at += unit;
                continue;
            }

            if (!isAdvised)
            {
                // The system would fill a hole in memory that is advised huge.
                memory.Advise(size.OffsetOf(first), (long)size.PageBytes << granuleShift, huge: false);
                isAdvised = true;
            }

            if (!memory.TryDecommit(size.OffsetOf(at), (until - at) << size.PageShift))
            {
                break;
            }

            for (long frame = at; frame < until; frame++)
            {
                Volatile.Write(ref size.Records[frame].Next, FrameMarks.Hole);
            }

            made += frames;
            at = until;
        }

        return made;
    }
}
