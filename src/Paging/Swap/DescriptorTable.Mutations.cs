using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class DescriptorTable
{
    /// <summary>For a control only: the location at which the calling thread saw the page that it is about to free.</summary>
    [ThreadStatic]
    private static Location s_seen;

    /// <summary>Whether a page has no references, or the descriptor is another page's by now. Then the page never comes back to life (rule
    /// 6).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsGone(ulong life, ulong id) =>
        (life >> 32 != id >> 32 || (life & CountMask) == 0) & !TestHook.Breaks(Mutation.ReviveFromZero);

    /// <summary>Notes that a reference is about to be dropped. Where the page is now does not matter yet (rule 6).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteReleasing(uint index)
    {
        if (TestHook.Breaks(Mutation.DebitReadLocation))
        {
            s_seen = Locate(index);
        }
    }

    /// <summary>The location at which a freed page is counted out: the one that was taken out of its descriptor (rule 6).</summary>
    private static Location AsTaken(Location taken) => TestHook.Breaks(Mutation.DebitReadLocation) ? s_seen : taken;
}
