using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class DescriptorTable
{
    /// <summary>For a control alone: where the page was that the calling thread is about to free.</summary>
    [ThreadStatic]
    private static Location s_seen;

    /// <summary>Whether a page has no references, or the descriptor is another page's by now: then it never comes back to life (rule 6).</summary>
    private static bool IsGone(ulong life, ulong id) =>
        (life >> 32 != id >> 32 || (life & CountMask) == 0) & !TestHook.Breaks(Mutation.ReviveFromZero);

    /// <summary>A reference is about to be dropped. Where the page is now does not matter yet (rule 6).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteReleasing(uint index)
    {
        if (TestHook.Breaks(Mutation.DebitReadLocation))
        {
            s_seen = Locate(index);
        }
    }

    /// <summary>Where a page is counted out that has been freed: where its location said when it was taken (rule 6).</summary>
    private static Location AsTaken(Location taken) => TestHook.Breaks(Mutation.DebitReadLocation) ? s_seen : taken;
}
