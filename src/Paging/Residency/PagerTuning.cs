namespace Paging.Residency;

/// <summary>What tests and benchmarks turn and users do not see, beside the <see cref="PagerOptions"/> of a <see cref="Pager"/>.</summary>
internal sealed record PagerTuning
{
    /// <summary>What pagers made by users have.</summary>
    internal static PagerTuning Default { get; } = new();

    /// <summary>How long a stored page must have been left alone before it is compressed again; negative is never.</summary>
    internal TimeSpan ColdAfter { get; init; } = Swap.Recompressor.DefaultAge;

    /// <summary>Leases on pages of a size with fewer frames than this are always counted one by one: there a thread may well have leases on
    /// all frames.</summary>
    internal int MinWatchedFrames { get; init; } = 128;

    /// <summary>What <see cref="PagerOptions.FollowMemoryPressure"/> follows; null for the system.</summary>
    internal Memory.IMemorySource? Memory { get; init; }

    /// <summary>Whether the forecast of what more frames would save bounds its work.</summary>
    internal bool ForecastRests { get; init; } = true;

    /// <summary>The clock of what a pager does by time: compressing again (<see cref="ColdAfter"/>), idle trimming, following the memory,
    /// reading ahead, looking for requests, waiting for leases, tracking them. Sleeps end by the system's clock.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;
}
