using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class PagedRegion
{
    /// <summary>The second look, behind a pin: whoever closes the region sees the pin, or this sees that (rule 4).</summary>
    internal bool SeesClosing
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsClosing & !TestHook.Breaks(Mutation.SkipDisposedRecheck);
    }

    /// <summary>The second look, behind a claim or a lock: whoever closes the region waits for that, or this sees the region closed (rule 4).</summary>
    internal bool SeesClosed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IsClosed & !TestHook.Breaks(Mutation.SkipDisposedRecheck);
    }

    /// <summary>Whether a word that the caller has pinned or claimed is the page's: its place in the table, or a node that names that.</summary>
    internal bool IsOf(long index, ulong* page) =>
        IsHome(index, page) || ((PageNodes.HomeOf(page) == Words + index) | TestHook.Breaks(Mutation.SkipNodeRecheck));

    /// <summary>What the versions in a table that is given back came to, as the granule's word keeps it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Remembered(int version) => TestHook.Breaks(Mutation.ForgetVersions) ? 0 : version;
}
