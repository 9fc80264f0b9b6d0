using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class Writeback
{
    /// <summary>A segment is about to be written. Its pin stays (rule 5).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteChosen(int segment)
    {
        if (TestHook.Breaks(Mutation.WriteUnpinned))
        {
            _segments.Unpin(segment);
        }
    }

    /// <summary>A segment has been written. The last one out of it lets its memory go (rule 5).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteDemoting(int segment)
    {
        if (TestHook.Breaks(Mutation.DemoteUnderReaders))
        {
            _segments.Demote(segment);
        }
    }
}
