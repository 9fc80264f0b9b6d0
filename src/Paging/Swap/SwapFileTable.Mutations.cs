using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class SwapFileTable
{
    /// <summary>Whether a file was resting when this was read, or has begun to since: a look in between may have passed it over, though
    /// another thread has ended its rest by now.</summary>
    internal bool HaveRestedSince(Rests rests) => (rests.IsAny | (Rests.Begun != rests.Begun)) & !TestHook.Breaks(Mutation.ForgetRests);
}
