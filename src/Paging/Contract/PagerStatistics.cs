namespace Paging;

/// <summary>Counters since the pager was made, and gauges as of now. Bytes unless said otherwise. Taking one allocates nothing.</summary>
/// <remarks>Consistent enough: each figure is exact when no other thread is at work, and the figures of one snapshot may be an operation
/// apart otherwise.</remarks>
public readonly record struct PagerStatistics
{
    /// <summary>Frames in use.</summary>
    public long ResidentBytes { get; init; }

    /// <summary>Native memory of all segments, open and reserved ones too.</summary>
    public long PoolBytes { get; init; }

    /// <summary>Live encoded bytes in the pool, without headers.</summary>
    public long PoolStoredBytes { get; init; }

    /// <summary>Page tables, descriptors, frame records and the segment table, committed.</summary>
    public long MetadataBytes { get; init; }

    /// <summary>Contexts of codecs and the buffers between filters and codecs, of all pagers of the process together. Beside the budgets: threads share
    /// them, twice as many of a kind as there are processors at most. They go with the last pager, but for a reserve of 300 KiB.</summary>
    public long ScratchBytes { get; init; }

    /// <summary>Loads that failed their checksum; a number.</summary>
    public long CorruptedPages { get; init; }

    /// <summary>What the stored bytes decode to.</summary>
    public long PoolLogicalBytes { get; init; }

    /// <summary>Pages whose only copy is in a swap file; a number.</summary>
    public long FilePages { get; init; }

    /// <summary>Bytes of swap files in use: whole slots.</summary>
    public long FileBytes { get; init; }

    /// <summary>Pages kept as a pattern in their descriptor; a number.</summary>
    public long SameFilledPages { get; init; }

    /// <summary>Pages stored raw; a number.</summary>
    public long IncompressiblePages { get; init; }

    /// <summary>Pages compressed again in the background after they had gone cold; a number.</summary>
    public long RecompressedPages { get; init; }

    /// <summary>Pages brought into frames; a number.</summary>
    public long Faults { get; init; }

    /// <summary>Of these, pages that were stored in the pool, or as a pattern; a number.</summary>
    public long FaultsFromPool { get; init; }

    /// <summary>Of these, pages that were read from a swap file; a number.</summary>
    public long FaultsFromFile { get; init; }

    /// <summary>Frames given up; a number.</summary>
    public long Evictions { get; init; }

    /// <summary>Of these, without storing, because the copy was still good; a number.</summary>
    public long CleanEvictions { get; init; }

    /// <summary>Segments written to swap files; a number.</summary>
    public long Writebacks { get; init; }

    /// <summary>Bytes written to swap files.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes read from swap files, by faults and by cleaning.</summary>
    public long BytesRead { get; init; }

    /// <summary>Reads and writes of swap files that failed; a number. No failed write loses data.</summary>
    public long IoErrors { get; init; }

    /// <summary>Leases out now; a number.</summary>
    public long Pins { get; init; }
}
