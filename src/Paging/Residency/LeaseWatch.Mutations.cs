using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal sealed unsafe partial class LeaseWatch
{
    /// <summary>Whether another thread has the page and may be about to publish it as watched.</summary>
    private static bool MayComeWatched(ulong word) => PageWord.IsClaimed(word) & !TestHook.Breaks(Mutation.UncoverDespiteClaims);
}
