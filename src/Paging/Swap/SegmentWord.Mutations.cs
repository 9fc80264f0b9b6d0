using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal static unsafe partial class SegmentWord
{
    /// <summary>Whether anybody may free an open segment when nothing lives in it: only its writer may (rule 6).</summary>
    private static bool IsAnybodys(SegmentState state) => state == SegmentState.Open && TestHook.Breaks(Mutation.FreeOpenSegment);
}
