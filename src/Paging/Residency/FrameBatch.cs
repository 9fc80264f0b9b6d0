using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Memory;

namespace Paging.Residency;

/// <summary>Frames that one thread takes at once, for pages that it brings in one after another, and of which it tells the policy at the end.
/// So the words that all faults share, the lists of frames and the rings, move to its processor twice for all the pages, and not with each
/// of them: that would cost it and the reader more than it takes to decode a small page.</summary>
/// <remarks>Of one thread. While it lasts the frames in it are in nobody's ring and on no list, like any frame in hand: a look at all frames
/// counts them as in flight (rule 8).</remarks>
internal unsafe struct FrameBatch
{
    /// <summary>Pages of a batch, at most.</summary>
    internal const int Max = 16;

    /// <summary>The largest share of the frames, as a shift.</summary>
    private const int ShareShift = 6;

    private Frames _frames;
    private Frames _filled;
    private int _count;
    private int _filledCount;

    /// <summary>How many pages of a size are brought in at a time.</summary>
    internal static int Length(FrameClass size) => (int)Math.Clamp(size.MaxFrames >> ShareShift, 1, Max);

    /// <summary>Takes frames, as many as are had easily.</summary>
    internal void Begin(FrameClass size, Reclaimer reclaimer, int count)
    {
        Debug.Assert(_count == 0 && count <= Max);
        for (; _count < count; _count++)
        {
            long frame = reclaimer.TakeEasily(size, Swap.StoreLevel.Normal);
            if (frame < 0)
            {
                break;
            }

            _frames[_count] = frame;
        }
    }

    /// <summary>A frame of the batch; −1 when none is left.</summary>
    internal long Take() => _count == 0 ? -1 : _frames[--_count];

    /// <summary>A frame of the batch has a page, of which the policy is to hear at the end.</summary>
    internal void NoteFilled(long frame) => _filled[_filledCount++] = frame;

    /// <summary>Gives back what is left, and tells the policy of the others.</summary>
    internal void End(FrameClass size, FrameClock clock)
    {
        while (Take() is >= 0 and long frame)
        {
            size.GiveBack(frame);
        }

        for (int i = 0; i < _filledCount; i++)
        {
            clock.FillAhead(size, _filled[i]);
        }

        _filledCount = 0;
    }

    [InlineArray(Max)]
    private struct Frames
    {
        private long _first;
    }
}
