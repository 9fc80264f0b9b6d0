using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class EntryMover
{
    /// <summary>Whether an entry is what was stored.</summary>
    private static bool MayRecompress(EntryHeader* header) => header->IsIntact() || TestHook.Breaks(Mutation.RecompressDamaged);

    /// <summary>Whether an entry that was compressed again, and moved there or not, is to be counted as what it has become.</summary>
    private static bool IsToBeCounted(bool moved) => moved | TestHook.Breaks(Mutation.RecountUnmoved);
}
