using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class PageLoader
{
    /// <summary>Whether a descriptor points elsewhere than it did before the segment was pinned (rule 5).</summary>
    private bool HasMoved(uint index, Location location) => (descriptors.Locate(index) != location) & !TestHook.Breaks(Mutation.SkipDescriptorRecheck);

    /// <summary>Whether what was read may have been another page's: then it says nothing of this one (rule 5).</summary>
    private bool HasMovedOrGone(ulong id, Location location) =>
        (descriptors.Locate((uint)id) != location || descriptors.Id((uint)id) != id) & !TestHook.Breaks(Mutation.ReportMovedAsCorrupt);
}
