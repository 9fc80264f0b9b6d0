using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class PageFiller
{
    /// <summary>The pin that a page is published with: one for an access that waits for it, none for a page that is brought in for somebody
    /// else (rule 4).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong PinFor(in LeaseWait wait) => wait.Pins | TestHook.Breaks(Mutation.PinAhead) ? PageWord.PinOne : 0;

    /// <summary>Whether a page that was brought in for somebody else needs nothing more. The broken form gives the pin back late, as an
    /// access does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsThrough(ulong* page, in LeaseWait wait)
    {
        if (!wait.Pins & TestHook.Breaks(Mutation.PinAhead))
        {
            PageWord.Unpin(page);
        }

        return !wait.Pins;
    }

    /// <summary>Whether there is a claim to give back after a failure (rule 7).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool GivesBack(bool claimed) => claimed & !TestHook.Breaks(Mutation.KeepClaimOnFailure);
}
