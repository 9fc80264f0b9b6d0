using System.Diagnostics.Metrics;

namespace Paging;

/// <summary>The budgets and defaults of a <see cref="Pager"/>. Validated and copied by its constructor.</summary>
public sealed record PagerOptions
{
    /// <summary>Bytes of frames, which hold the pages that can be touched without decoding. At least four pages of <see cref="PageBytes"/>,
    /// at most 256 GiB. Default 256 MiB.</summary>
    public long ResidentBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of native memory that the compressed pool may hold, including its own slack and the metadata of its segments. At
    /// least sixteen segments of one page each. Default 1 GiB.</summary>
    public long PoolBytes { get; init; } = 1L << 30;

    /// <summary>Default page size, a power of two from 4 KiB to 4 MiB. Default 16 KiB.</summary>
    public int PageBytes { get; init; } = 16 << 10;

    /// <summary>What compression spends its time on, for arrays that do not set it themselves and for <see cref="Pager.Swap"/>. Default
    /// <see cref="CompressionGoal.Balanced"/>.</summary>
    public CompressionGoal Compression { get; init; } = CompressionGoal.Balanced;

    /// <summary>Threads that make room in the background, 0 to 64. With 0, the faulting threads do that work. Only these threads compress
    /// cold pages again, give back memory that is not in use, and follow memory pressure, so with 0 none of that happens. Default 1.</summary>
    public int BackgroundThreads { get; init; } = 1;

    /// <summary>Whether the budgets follow the memory that the container (its cgroups) or the system has left: between
    /// <see cref="MinResidentBytes"/> and <see cref="ResidentBytes"/>, and <see cref="MinPoolBytes"/> and <see cref="PoolBytes"/>. They
    /// shrink within seconds and grow again slowly; before a program is refused for want of room they grow all the same. Needs a
    /// background thread: with <see cref="BackgroundThreads"/> = 0 nothing is followed. Default false.</summary>
    public bool FollowMemoryPressure { get; init; }

    /// <summary>With <see cref="FollowMemoryPressure"/>, the frames never take less than this. Default 0: as few as four pages.</summary>
    public long MinResidentBytes { get; init; }

    /// <summary>With <see cref="FollowMemoryPressure"/>, the pool never may take less than this. Default 0: a few segments.</summary>
    public long MinPoolBytes { get; init; }

    /// <summary>Files for the pages that do not fit into the pool. The constructor of <see cref="Pager"/> opens them, as
    /// <see cref="Pager.AddSwapFile"/> does. Default none.</summary>
    public IReadOnlyList<SwapFileOptions> SwapFiles { get; init; } = [];

    /// <summary>Tells pagers apart in metrics, events and exceptions: 1 to 128 characters, not all of them blank. Two pagers may have one
    /// name; then nothing tells them apart. Default null: the pager is called by a number of its own, as <see cref="Pager.Name"/>
    /// says.</summary>
    public string? Name { get; init; }

    /// <summary>Makes the meter "Paging" in which the pager's metrics are; pagers of one factory share one. Default null: the pager has a
    /// meter of its own, whose scope is <see cref="Pager.Options"/>, and which is disposed with it.</summary>
    public IMeterFactory? MeterFactory { get; init; }

    /// <summary>Whether it is recorded where each lease out was taken, so that the exceptions that leases are the cause of say which. For
    /// debugging: it costs a stack trace a lease, tens of microseconds. Default false.</summary>
    public bool TrackLeases { get; init; }
}
