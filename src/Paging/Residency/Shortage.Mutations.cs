using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal partial struct Shortage
{
    /// <summary>Whether frames were in other threads' hands, which may give some back (rule 8).</summary>
    internal readonly bool HasClaims => (InFlight != 0) & !TestHook.Breaks(Mutation.FullDespiteClaims);

    /// <summary>Whether there are leases that it makes sense to wait for (rule 8).</summary>
    internal readonly bool IsWorthWaiting => (WorthWaitingFor != 0) & !TestHook.Breaks(Mutation.FullDespiteClaims);
}
