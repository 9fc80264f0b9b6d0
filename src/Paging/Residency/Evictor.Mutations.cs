using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class Evictor
{
    /// <summary>Whether a resident page is in the frame whose record names it (rule 4).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool LivesIn(FrameClass size, long frame, ulong word) =>
        (PageWord.Offset(word) == size.OffsetOf(frame)) | TestHook.Breaks(Mutation.EvictOtherFrame);

    /// <summary>Whether leases keep the page (rule 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPinned(ulong word) =>
        PageWord.Pins(word) != 0 && !(TestHook.Breaks(Mutation.EvictPinned) && (word & PageWord.Dirty) != 0);
}
