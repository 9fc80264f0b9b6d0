using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class ChunkMemory
{
    /// <summary>Chunks that must stay free when a chunk is taken at a level (rule 9).</summary>
    private int FloorOfTaking(StoreLevel level) => TestHook.Breaks(Mutation.SpendCleanerReserve) ? 0 : Floor(level);

    /// <summary>Notes that a chunk of the reserve has been committed. It has been charged like any other (rule 12).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteReservedUnsynchronized()
    {
        if (TestHook.Breaks(Mutation.UncountedReserve))
        {
            _budget.ChargeUnsynchronized(-ChargedBytes);
        }
    }
}
