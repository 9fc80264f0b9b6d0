namespace Paging.Residency;

/// <summary>What a look at every frame that could have served found instead of a free one, so that a refusal reports what was seen then,
/// and nothing later.</summary>
internal partial struct Shortage
{
    /// <summary>Frames of the size asked for whose page is clean and has leases out.</summary>
    internal long PinnedClean;

    /// <summary>Frames of the size asked for whose page is dirty and has leases out.</summary>
    internal long PinnedDirty;

    /// <summary>Frames of the size asked for whose page is dirty and could not be stored.</summary>
    internal long Unstorable;

    /// <summary>Frames of other sizes that could have given memory, except that leases are out on their pages, which are clean.</summary>
    internal long OthersPinnedClean;

    /// <summary>Frames of other sizes that could have given memory, except that leases are out on their pages, which are dirty.</summary>
    internal long OthersPinnedDirty;

    /// <summary>Frames of other sizes that could have given memory, except that the pool has no room for their pages.</summary>
    internal long OthersUnstorable;

    /// <summary>Frames that other threads have claimed, and other reasons to look again at once.</summary>
    internal long InFlight;

    /// <summary>Whether a pin was taken or given back since a waiting thread last looked.</summary>
    internal bool HasChanged;

    /// <summary>Whether the frames' budget shrinks, which is one of the reasons to look again, and one that may last.</summary>
    internal bool IsShrinking;

    /// <summary>Whether as many pages are dirty as may be while the pool has no room.</summary>
    internal bool IsDirtyLimit;

    internal readonly long Pinned => PinnedClean + PinnedDirty;

    internal readonly long OthersPinned => OthersPinnedClean + OthersPinnedDirty;

    internal readonly bool IsPoolFull => IsDirtyLimit || Unstorable != 0 || OthersUnstorable != 0;

    /// <summary>How many leases it makes sense to wait for. When a page could not be stored, leases on dirty pages do not count, since
    /// those pages could not be stored either. And then only as many leases count as were seen: others may come and go for ever.</summary>
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
