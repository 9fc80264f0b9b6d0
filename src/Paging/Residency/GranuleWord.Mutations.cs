using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal static unsafe partial class GranuleWord
{
    /// <summary>Whether any page of a linear granule is not untouched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasPages(ulong word) => (Pages(word) != 0) & !TestHook.Breaks(Mutation.ReleaseTableInUse);
}
