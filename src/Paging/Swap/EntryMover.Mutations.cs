using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class EntryMover
{
    /// <summary>Whether an entry still holds what was stored.</summary>
    private static bool MayRecompress(EntryHeader* header) => header->IsIntact() || TestHook.Breaks(Mutation.RecompressDamaged);

    /// <summary>Whether an entry that was compressed again is counted by its new size: only if it was moved, too.</summary>
    private static bool IsToBeCounted(bool moved) => moved | TestHook.Breaks(Mutation.RecountUnmoved);
}
