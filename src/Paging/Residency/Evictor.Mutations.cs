using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class Evictor
{
    /// <summary>Whether a resident page is in the frame whose record names it (rule 4).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool LivesIn(FrameClass size, long frame, ulong word) =>
        (PageWord.Offset(word) == size.OffsetOf(frame)) | TestHook.Breaks(Mutation.EvictOtherFrame);

    /// <summary>Whether leases keep the page in its frame (rule 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPinned(ulong word) =>
        PageWord.Pins(word) != 0 && !(TestHook.Breaks(Mutation.EvictPinned) && (word & PageWord.Dirty) != 0);
}
