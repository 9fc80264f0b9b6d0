namespace Paging;

/// <summary>One array's pages, and where they are. Bytes unless stated otherwise.</summary>
/// <remarks>Exact when no other thread is at work, for arrays of up to half a million touched pages, up to 65,536 of them stored. Of longer
/// arrays the figures are estimates: from every second, third and so on of the parts that were ever touched, and of the stored
/// pages.</remarks>
public readonly record struct PagedArrayStatistics
{
    /// <summary>The array's name; null if it has none.</summary>
    public string? Name { get; init; }

    /// <summary>What its items take, with the padding of its pages but the last one's.</summary>
    public long LogicalBytes { get; init; }

    /// <summary>Pages in frames; a number.</summary>
    public long ResidentPages { get; init; }

    /// <summary>Pages that are stored: in the pool, as a pattern, or in a swap file. Clean pages in frames that keep their stored copy are
    /// among them; a page that several arrays share counts in each. Pages of a mapped file that are only there are not. A number.</summary>
    public long StoredPages { get; init; }

    /// <summary>Of the stored pages, those whose stored copy is in a swap file; a number.</summary>
    public long FilePages { get; init; }

    /// <summary>What the stored pages are encoded to, in the pool and in swap files together, without headers.</summary>
    public long StoredBytes { get; init; }

    /// <summary>The transform ahead of the codec for the next page: the one that was asked for, or that the data has shown to be
    /// best.</summary>
    public PageFilter Filter { get; init; }
}
