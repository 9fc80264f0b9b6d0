using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal unsafe partial struct LeaseWait
{
    /// <summary>Whether it waits for the leases of other threads to end.</summary>
    internal readonly bool IsPatient => (Manner == FaultManner.Patient)
        | ((Manner == FaultManner.Holding) & TestHook.Breaks(Mutation.WaitWithPins));

    /// <summary>Whether it has pages pinned, which others may be waiting for (rule 7).</summary>
    internal readonly bool IsHolding => (Manner == FaultManner.Holding) & !TestHook.Breaks(Mutation.WaitWithPins);
}
