using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal unsafe partial struct PageDirectory
{
    /// <summary>Whether a word that the caller has pinned or claimed is the page's: its place in the table, or a node that names
    /// that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool IsOf(long index, ulong* page) =>
        IsHome(index, page) || ((PageNodes.HomeOf(page) == HomeOf(index)) | TestHook.Breaks(Mutation.SkipNodeRecheck));

    /// <summary>The furthest version in a table that is given back, as the granule's word keeps it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Remembered(int version) => TestHook.Breaks(Mutation.ForgetVersions) ? 0 : version;
}
