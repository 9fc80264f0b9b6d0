using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal partial struct Shortage
{
    /// <summary>Whether other threads had claimed frames, which they may give back (rule 8).</summary>
    internal readonly bool HasClaims => (InFlight != 0) & !TestHook.Breaks(Mutation.FullDespiteClaims);

    /// <summary>Whether there are leases that it makes sense to wait for (rule 8).</summary>
    internal readonly bool IsWorthWaiting => (WorthWaitingFor != 0) & !TestHook.Breaks(Mutation.FullDespiteClaims);
}
