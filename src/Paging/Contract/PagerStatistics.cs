namespace Paging;

/// <summary>Counters since the pager was made, and gauges of the present. Bytes unless stated otherwise. Taking a snapshot allocates
/// nothing.</summary>
/// <remarks>Each figure is exact when no other thread is at work. Otherwise the figures of one snapshot may be an operation
/// apart.</remarks>
public readonly record struct PagerStatistics
{
    /// <summary>Frames in use.</summary>
    public long ResidentBytes { get; init; }

    /// <summary>Native memory of all segments, including open ones and those held back.</summary>
    public long PoolBytes { get; init; }

    /// <summary>What frames may take now: see <see cref="Pager.Resize"/>.</summary>
    public long ResidentBudgetBytes { get; init; }

    /// <summary>What segments may take now: see <see cref="Pager.Resize"/>.</summary>
    public long PoolBudgetBytes { get; init; }

    /// <summary>Live encoded bytes in the pool, without headers.</summary>
    public long PoolStoredBytes { get; init; }

    /// <summary>Committed memory of page tables, descriptors, frame records and the segment table.</summary>
    public long MetadataBytes { get; init; }

    /// <summary>Contexts of codecs, and the buffers between filters and codecs, of all pagers of the process together. They are not part of
    /// the budgets. Threads share them, at most twice as many of a kind as there are processors. They are freed with the last pager, except
    /// 300 KiB.</summary>
    public long ScratchBytes { get; init; }

    /// <summary>Accesses to pages that failed their checksum, each of which was told so, and pages that were lost so when a swap file
    /// was removed; a number. A page that was only to be brought in ahead of demand is not counted until it is accessed.</summary>
    public long CorruptedPages { get; init; }

    /// <summary>Bytes that the stored pages in the pool decode to.</summary>
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

    /// <summary>Of the faults, pages that were stored in the pool, or as a pattern; a number.</summary>
    public long FaultsFromPool { get; init; }

    /// <summary>Of the faults, pages that were read from a swap file, or from one that an array is mapped from; a number.</summary>
    public long FaultsFromFile { get; init; }

    /// <summary>Pages evicted from frames; a number.</summary>
    public long Evictions { get; init; }

    /// <summary>Of the evictions, those that stored nothing, because the stored copy was still good, or the page is in a file that its
    /// array is mapped from; a number.</summary>
    public long CleanEvictions { get; init; }

    /// <summary>Segments written to swap files; a number.</summary>
    public long Writebacks { get; init; }

    /// <summary>Bytes written to swap files.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes read from swap files, by faults and by emptying segments, and from files that arrays are mapped from.</summary>
    public long BytesRead { get; init; }

    /// <summary>Reads and writes of swap files, and reads of mapped ones, that failed; a number. No failed write loses data.</summary>
    public long IoErrors { get; init; }

    /// <summary>Frames that a faulting thread had to free itself, because the background had freed none, or there are no background threads;
    /// a number.</summary>
    public long DirectReclaims { get; init; }

    /// <summary>Pages brought into frames ahead of demand, by <c>PrefetchAsync</c>, by advice, and by reading ahead; a number. They are
    /// among the faults.</summary>
    public long PrefetchedPages { get; init; }

    /// <summary>Of the prefetched pages, those that were evicted before anybody used them; a number.</summary>
    public long PrefetchWasted { get; init; }

    /// <summary>Leases out now, owners and the pages of sequences among them; a number.</summary>
    public long Pins { get; init; }

    /// <summary>Arrays and matrices that are not disposed; a number.</summary>
    public long Arrays { get; init; }

    /// <summary>Arrays that the program dropped without Dispose and that were taken down when they were collected; a number.</summary>
    public long DroppedArrays { get; init; }

    /// <summary>Pages of such arrays that stay pinned for good, by leases that were never disposed: their frames are lost; a
    /// number.</summary>
    public long LostFrames { get; init; }

    /// <summary>Expected share of today's faults that frames larger by 25, 50 and 100% would save; NaN until enough is sampled.</summary>
    /// <remarks>Of the last few thousand faults or more, with older ones counting less and less; from 0 to 1. Measured by simulation with a
    /// sample of the pages, so it may be off by some hundredths (docs/policy.md).</remarks>
    public (double Plus25, double Plus50, double Plus100) FaultsSaved { get; init; }
}
