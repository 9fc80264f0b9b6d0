using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class ChunkMemory
{
    /// <summary>Chunks that whoever takes one at a level must leave free (rule 9).</summary>
    private int FloorOfTaking(StoreLevel level) => TestHook.Breaks(Mutation.SpendCleanerReserve) ? 0 : Floor(level);

    /// <summary>A chunk that is held back has been committed. It has been charged like any other (rule 12).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteReservedUnsynchronized()
    {
        if (TestHook.Breaks(Mutation.UncountedReserve))
        {
            _budget.ChargeUnsynchronized(-ChargedBytes);
        }
    }
}
