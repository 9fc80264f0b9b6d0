using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class PageLoader
{
    /// <summary>Whether a descriptor no longer points where it did before the segment was pinned (rule 5).</summary>
    private bool HasMoved(uint index, Location location) =>
        (descriptors.Locate(index) != location) & !TestHook.Breaks(Mutation.SkipDescriptorRecheck);

    /// <summary>Whether the entry that was read may have been another page's. Then a failure says nothing about this page (rule
    /// 5).</summary>
    private bool HasMovedOrGone(ulong id, Location location) =>
        (descriptors.Locate((uint)id) != location || descriptors.Id((uint)id) != id) & !TestHook.Breaks(Mutation.ReportMovedAsCorrupt);
}
