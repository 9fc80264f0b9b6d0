using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal partial struct RegionState
{
    /// <summary>The second look, after a pin: either the closer sees the pin, or this sees that the region is closing (rule 4).</summary>
    internal bool SeesClosing
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsClosing & !TestHook.Breaks(Mutation.SkipDisposedRecheck);
    }

    /// <summary>The second look, after a claim or a lock: either the closer waits for that, or this sees the region closed (rule
    /// 4).</summary>
    internal bool SeesClosed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsClosed & !TestHook.Breaks(Mutation.SkipDisposedRecheck);
    }
}
