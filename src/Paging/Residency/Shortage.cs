namespace Paging.Residency;

/// <summary>What one look at every frame that could have served found instead, so that a refusal names what was seen and nothing
/// later.</summary>
internal partial struct Shortage
{
    /// <summary>Frames of the size asked for that leases are out on, and whose pages are clean.</summary>
    internal long PinnedClean;

    /// <summary>The same, dirty.</summary>
    internal long PinnedDirty;

    /// <summary>Frames of the size asked for whose page is dirty and could not be stored.</summary>
    internal long Unstorable;

    /// <summary>Frames of other sizes that memory could come from, were it not for leases on their pages. The pages are clean.</summary>
    internal long OthersPinnedClean;

    /// <summary>The same, dirty.</summary>
    internal long OthersPinnedDirty;

    /// <summary>Frames of other sizes that memory could come from, were it not that their page is dirty and could not be stored.</summary>
    internal long OthersUnstorable;

    /// <summary>Frames in other threads' hands, or other reasons to look again at once.</summary>
    internal long InFlight;

    /// <summary>Whether a pin was taken or given back since a waiting thread last looked.</summary>
    internal bool HasChanged;

    /// <summary>As many pages are dirty as may be while the pool has no room.</summary>
    internal bool IsDirtyLimit;

    internal readonly long Pinned => PinnedClean + PinnedDirty;

    internal readonly long OthersPinned => OthersPinnedClean + OthersPinnedDirty;

    internal readonly bool IsPoolFull => IsDirtyLimit || Unstorable != 0 || OthersUnstorable != 0;

    /// <summary>How many leases it makes sense to wait for. Where a page could not be stored, leases on dirty pages do not count, since
    /// their pages could not be stored either. And only as many leases count as were seen: others may come and go for ever.</summary>
    internal readonly long WorthWaitingFor => IsPoolFull
        ? (IsDirtyLimit ? 0 : PinnedClean) + OthersPinnedClean
        : Pinned + OthersPinned == 0 ? 0 : long.MaxValue;

    internal void Add(in Shortage other)
    {
        PinnedClean += other.PinnedClean;
        PinnedDirty += other.PinnedDirty;
        Unstorable += other.Unstorable;
        OthersPinnedClean += other.OthersPinnedClean;
        OthersPinnedDirty += other.OthersPinnedDirty;
        OthersUnstorable += other.OthersUnstorable;
        InFlight += other.InFlight;
        HasChanged |= other.HasChanged;
        IsDirtyLimit |= other.IsDirtyLimit;
    }
}
