using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal static unsafe partial class SegmentWord
{
    /// <summary>Whether any thread may free an open segment that holds nothing live. Never, but in a test: only its writer may
    /// (rule 6).</summary>
    private static bool MayAnybodyFreeOpen(SegmentState state) => state == SegmentState.Open && TestHook.Breaks(Mutation.FreeOpenSegment);
}
