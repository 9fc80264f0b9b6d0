using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal unsafe partial struct PageAccessor
{
    /// <summary>The second look, after a pin: either the closer of the region sees the pin, or this sees the limit of zero (rule
    /// 4).</summary>
    private readonly bool SeesOpen
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (_bound >> LimitShift != 0) | TestHook.Breaks(Mutation.SkipDisposedRecheck);
    }
}
