namespace Paging;

/// <summary>The budgets and defaults of a <see cref="Pager"/>. Validated and copied by its constructor.</summary>
public sealed record PagerOptions
{
    /// <summary>Bytes of frames: pages that can be touched without decoding. At least four pages of <see cref="PageBytes"/>,
    /// at most 256 GiB. Default 256 MiB.</summary>
    public long ResidentBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of native memory the compressed pool may hold, its own slack and metadata of segments included. At least
    /// sixteen segments of one page each. Default 1 GiB.</summary>
    public long PoolBytes { get; init; } = 1L << 30;

    /// <summary>Default page size, a power of two from 4 KiB to 4 MiB. Default 16 KiB.</summary>
    public int PageBytes { get; init; } = 16 << 10;

    /// <summary>What compression is to spend its time on, for arrays that do not say so themselves and for <see cref="Pager.Swap"/>. Default
    /// <see cref="CompressionGoal.Balanced"/>.</summary>
    public CompressionGoal Compression { get; init; } = CompressionGoal.Balanced;

    /// <summary>Threads that reclaim and clean in the background, 0 to 64; 0 does that work on the faulting threads. What has gone cold is
    /// compressed again by one of these threads only, so not at all with 0. Default 1.</summary>
    public int BackgroundThreads { get; init; } = 1;

    /// <summary>Files for the pages that do not fit the pool; opened by the constructor of <see cref="Pager"/>, as
    /// <see cref="Pager.AddSwapFile"/> does. Default none.</summary>
    public IReadOnlyList<SwapFileOptions> SwapFiles { get; init; } = [];
}

/// <summary>What is particular to one array.</summary>
public sealed record PagedArrayOptions
{
    /// <summary>Page size of this array in bytes, a power of two from 4 KiB to 4 MiB; null takes the pager's.</summary>
    public int? PageBytes { get; init; }

    /// <summary>Shown in statistics, events and exceptions.</summary>
    public string? Name { get; init; }

    /// <summary>What compression is to spend its time on for this array; null takes the pager's. It can be changed later.</summary>
    public CompressionGoal? Compression { get; init; }

    /// <summary>The transform ahead of the codec, by element; null samples the data and decides, and goes on re-deciding. Elements longer than
    /// 512 bytes are taken as several of equal length.</summary>
    public PageFilter? Filter { get; init; }
}
