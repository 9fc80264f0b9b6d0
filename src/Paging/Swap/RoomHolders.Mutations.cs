using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The step that a test control breaks on purpose, to show that the tests notice. Without the test seam the member does only
/// what its name says.</summary>
internal sealed partial class RoomHolders
{
    /// <summary>Whether writers of the log have what would make room for a page of this length.</summary>
    private static WriterRoom LookAtWriters(SegmentLog? log, int length) =>
        log is null | TestHook.Breaks(Mutation.OverlookWriters) ? WriterRoom.None : log!.LookAtWriters(length);
}
