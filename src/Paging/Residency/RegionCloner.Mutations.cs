using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal readonly unsafe ref partial struct RegionCloner
{
    /// <summary>Whether what was read since belongs to the page (rule 10).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSame(ulong* page, ulong word) =>
        PageWord.IsSame(page, word) | TestHook.Breaks(Mutation.ShareWithoutRecheck);
}
