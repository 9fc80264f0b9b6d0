using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>May one more page be dirty? While the pool takes raw pages, always; when it is full, as long as a few frames stay clean, so
/// that whatever is stored can still be brought in (rule 8).</summary>
internal sealed unsafe partial class Reclaimer
{
    /// <summary>Counts a page about to be dirty.</summary>
    /// <returns>False when only the frames kept clean are left, no dirty page can be given up, and none is on its way out.</returns>
    internal bool TryReserveDirty(FrameClass size)
    {
        // The look at the pool costs more than the count, and hardly ever matters.
        return size.TryReserveDirty(Capacity(size), force: false) || TryReserveDirtySlow(size);
    }

    private bool TryReserveDirtySlow(FrameClass size)
    {
        Spinner spinner = default;
        while (!swap.Rundown.IsClosed)
        {
            if (size.TryReserveDirty(Capacity(size), force: false))
            {
                return true;
            }

            if (swap.HasRoom(size.PageBytes))
            {
                return size.TryReserveDirty(Capacity(size), force: true);
            }

            if (!TryWiden(size) && !TryCleanOne(size, out int inFlight))
            {
                if (inFlight == 0)
                {
                    return false;
                }

                spinner.Once();
            }
        }

        return false;
    }

    /// <summary>Frames that the class has, and those that the budget would still buy it.</summary>
    private long Capacity(FrameClass size) => size.Frames + (frames.RemainingBytes >> size.PageShift);

    /// <summary>Stores one dirty page without its taking up ordinary room: a same-filled one.</summary>
    private bool TryCleanOne(FrameClass size, out int inFlight)
    {
        inFlight = 0;
        for (long frame = size.FirstFrame; frame < size.End; frame++)
        {
            EvictOutcome outcome = Evict(size, frame, StoreLevel.NoRoom, spare: false, dirtyOnly: true);
            if (outcome == EvictOutcome.Freed)
            {
                size.GiveBack(frame);
                return true;
            }

            // Another thread's claim may be a page on its way to being clean; a free frame is not.
            inFlight += outcome == EvictOutcome.InFlight && IsClaimed(size, frame) ? 1 : 0;
        }

        return false;
    }

    private static bool IsClaimed(FrameClass size, long frame)
    {
        ulong* page = (ulong*)Volatile.Read(ref *(nint*)&size.Records[frame].Page);
        return page != null && PageWord.IsClaimed(PageWord.Load(page));
    }
}
