using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class Writeback
{
    /// <summary>Notes that a segment is about to be written. Its pin stays (rule 5).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteChosen(int segment)
    {
        if (TestHook.Breaks(Mutation.WriteUnpinned))
        {
            _segments.Unpin(segment);
        }
    }

    /// <summary>Notes that a segment has been written. The last thread out of it gives back its memory (rule 5).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteDemoting(int segment)
    {
        if (TestHook.Breaks(Mutation.DemoteUnderReaders))
        {
            _segments.Demote(segment);
        }
    }
}
