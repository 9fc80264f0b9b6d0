using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal static unsafe partial class PageWord
{
    /// <summary>What a word has changed by since an optimistic read looked at it (rule 3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Difference(ulong* page, ulong word)
    {
        if (TestHook.Breaks(Mutation.SkipRecheck))
        {
            return 0;
        }

        return TestHook.Breaks(Mutation.IgnoreVersion) ? (*page ^ word) & ~VersionMask : *page ^ word;
    }

    /// <summary>Whether an evictor may claim the page (rule 1).</summary>
    private static bool HasNoPins(ulong word) => (Pins(word) == 0) | TestHook.Breaks(Mutation.EvictPinned);

    /// <summary>Whether the claimant will wake a thread that parks (rule 7).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SaysWaiters(ulong word) => ((word & Waiters) != 0) | TestHook.Breaks(Mutation.ParkWithoutBit);

    /// <summary>Undoes the return of a pin that was not out, and throws (rule 11).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RefusePin(ulong* page)
    {
        if (!TestHook.Breaks(Mutation.SkipPinCheck))
        {
            RepairPin(page);
        }
    }

    /// <summary>Whether threads wait for the pin that was given back (rule 8). The other causes of the slow path have been dealt
    /// with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TellsOfWaiters(ulong after)
    {
        Debug.Assert((after & Waiters) != 0);
        return !TestHook.Breaks(Mutation.UnpinWithoutWaking);
    }
}
