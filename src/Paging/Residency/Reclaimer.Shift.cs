using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Moves memory between page sizes when their mix shifts: a granule of one size is emptied and given back, and
/// the budget it leaves buys frames of the other.</summary>
internal sealed unsafe partial class Reclaimer
{
    private readonly Gate _shifting = new();

    /// <summary>Whether a class should have some of another's memory rather than reclaim its own.</summary>
    private bool WantsFrames(FrameClass size)
    {
        size.Pressure++;
        if (size.Frames < Math.Min(FramePool.MinFrames, size.MaxFrames))
        {
            return true;
        }

        return size.Pressure > (size.Frames >> 2) && FindDonor(size, busier: false) is not null;
    }

    /// <summary>The class with the fewest faults for its memory, at most half as many as the one that asks unless <paramref name="busier"/>.</summary>
    private FrameClass? FindDonor(FrameClass size, bool busier)
    {
        FrameClass? donor = null;
        double least = busier ? double.MaxValue : FaultsPerFrame(size) / 2;
        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null && other != size && other.Frames > Floor(other) && FaultsPerFrame(other) < least)
            {
                donor = other;
                least = FaultsPerFrame(other);
            }
        }

        return donor;
    }

    /// <summary>Whether the other classes have enough above their floors for one frame of this one.</summary>
    private bool CanDonate(FrameClass size)
    {
        long bytes = frames.RemainingBytes;
        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null && other != size)
            {
                bytes += (other.Frames - Floor(other)) << other.PageShift;
            }
        }

        return bytes >= size.PageBytes;
    }

    private static double FaultsPerFrame(FrameClass size) => (double)size.Pressure / Math.Max(1, size.Frames);

    private static long Floor(FrameClass size) => Math.Min(size.KeptClean, size.Frames);

    /// <summary>Gets the class a free frame out of other classes' memory. False when nothing could be emptied.</summary>
    private bool TryShift(FrameClass size)
    {
        swap.MakeRoomAtHand();
        _shifting.Enter();
        try
        {
            if (size.FreeFrames > 0 || size.TryGrow())
            {
                return true;
            }

            return TryDrainOthersUnsynchronized(size) && size.TryGrow();
        }
        finally
        {
            _shifting.Exit();
        }
    }

    /// <summary>Makes the budget buy the class at least one frame more than it would now. False when nothing could be emptied.</summary>
    private bool TryWiden(FrameClass size)
    {
        swap.MakeRoomAtHand();
        _shifting.Enter();
        try
        {
            return TryDrainOthersUnsynchronized(size);
        }
        finally
        {
            _shifting.Exit();
        }
    }

    /// <summary>Empties granules of other classes until a frame's worth has come free.</summary>
    private bool TryDrainOthersUnsynchronized(FrameClass size)
    {
        if (!CanDonate(size))
        {
            return false;
        }

        // A starving class may take from a busier one, another only from an idler one.
        bool starving = size.Frames < Math.Min(FramePool.MinFrames, size.MaxFrames);
        long drained = 0;
        for (int skip = 0; skip < MostGranulesTried && drained < size.PageBytes;)
        {
            FrameClass? donor = FindDonor(size, busier: starving);
            int granule = donor?.BeginDrain(Floor(donor), skip) ?? -1;
            if (granule < 0)
            {
                break;
            }

            (long first, long end) = donor!.GranuleFrames(granule);
            bool isEmpty;
            try
            {
                EvictRange(donor, first, end);
            }
            finally
            {
                isEmpty = donor.EndDrain(granule);
            }

            if (isEmpty)
            {
                drained += (end - first) << donor.PageShift;
            }
            else
            {
                skip++;
            }
        }

        foreach (FrameClass? other in frames.Classes)
        {
            if (other is not null)
            {
                other.Pressure >>= 1;
            }
        }

        return drained >= size.PageBytes;
    }

    private const int MostGranulesTried = 16;

    private void EvictRange(FrameClass donor, long frame, long end)
    {
        for (; frame < end; frame++)
        {
            // Under the gate nobody waits for a device, which making room might.
            if (Evict(donor, frame, swap.MayWait ? StoreLevel.AtHand : StoreLevel.Normal, spare: false) == EvictOutcome.Freed)
            {
                donor.GiveBack(frame);
            }
        }
    }
}
