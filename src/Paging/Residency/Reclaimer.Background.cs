using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Background reclaim, as steps: keeps free frames between the watermarks, and free segments ahead of the evictors.</summary>
internal sealed unsafe partial class Reclaimer
{
    /// <summary>How many frames one step looks at, at most.</summary>
    private const int StepLength = 64;

    /// <summary>Woken when free frames fall below the low watermark; null when faulting threads do all the work.</summary>
    internal WakeSignal? Signal { get; set; }

    /// <summary>A bounded piece of background work.</summary>
    /// <returns>False when there is none, or none that can succeed now: wait to be woken.</returns>
    internal bool Step()
    {
        bool any = swap.Room.StepAhead();
        foreach (FrameClass? size in frames.Classes)
        {
            if (size is not null && IsShort(size, High(size)))
            {
                any |= EvictSome(size);
            }
        }

        return any;
    }

    /// <summary>Free frames at which the background stops: a thirty-second of those there can be.</summary>
    internal static long High(FrameClass size) => Math.Clamp(size.MaxFrames >> 5, 1, 256);

    /// <summary>Free frames below which it starts.</summary>
    internal static long Low(FrameClass size) => (High(size) + 1) >> 1;

    private bool IsShort(FrameClass size, long watermark) =>
        size.FreeFrames < watermark && size.Frames > 0 && frames.RemainingBytes < size.PageBytes;

    private void WakeIfShort(FrameClass size)
    {
        if (Signal is { } signal && IsShort(size, Low(size)))
        {
            signal.Wake();
        }
    }

    private bool EvictSome(FrameClass size)
    {
        bool any = false;
        StoreLevel level = StoreLevel.Normal;
        long steps = Math.Min(StepLength, 2 * (size.End - size.FirstFrame));
        for (long i = 0; i < steps && IsShort(size, High(size)); i++)
        {
            long frame = size.NextHand();
            EvictOutcome outcome = Evict(size, frame, level, spare: true);
            if (outcome == EvictOutcome.Freed)
            {
                size.GiveBack(frame);
            }

            if (outcome == EvictOutcome.Unstorable)
            {
                level = StoreLevel.NoRoom;
            }

            // A cleared reference bit is progress too: the next turn finds the page without it.
            any |= outcome is EvictOutcome.Freed or EvictOutcome.SecondChance;
        }

        return any;
    }
}
