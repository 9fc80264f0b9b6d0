namespace Paging.Memory;

/// <summary>What the link of a frame that is on no list says of its memory. Written under the pool's gate, while the frame is set aside or has
/// no memory.</summary>
internal static unsafe class FrameMarks
{
    /// <summary>Set in <see cref="FrameRecord.Next"/> of a frame that waits for the rest of its granule to be free.</summary>
    internal const uint Aside = uint.MaxValue;

    /// <summary>Set there in a frame whose memory was given back while its granule stayed.</summary>
    internal const uint Hole = uint.MaxValue - 1;

    /// <summary>Goes through units of frames whose memory can be given back in one go.</summary>
    /// <param name="records">The records of all frames.</param>
    /// <param name="at">The first frame.</param>
    /// <param name="end">One past the last frame.</param>
    /// <param name="unit">Frames whose memory goes back together.</param>
    /// <param name="max">Where so many frames have been found, the run ends.</param>
    /// <param name="frames">The frames that are set aside in it.</param>
    /// <returns>One past the last frame of the run.</returns>
    internal static long EndOfRun(FrameRecord* records, long at, long end, int unit, long max, out int frames)
    {
        frames = 0;
        while (at + unit <= end && frames < max && CountAside(records, at, unit) is > 0 and int more)
        {
            frames += more;
            at += unit;
        }

        return at;
    }

    /// <summary>The frames that are set aside in a unit whose other frames have no memory; 0 when it has other frames too.</summary>
    private static int CountAside(FrameRecord* records, long frame, int unit)
    {
        int aside = 0;
        for (long end = frame + unit; frame < end; frame++)
        {
            uint mark = records[frame].Next;
            if (mark is not (Aside or Hole))
            {
                return 0;
            }

            aside += mark == Aside ? 1 : 0;
        }

        return aside;
    }
}
