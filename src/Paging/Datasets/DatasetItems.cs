namespace Paging.Datasets;

/// <summary>What is saved: items (elements, or rows) of an array that others may be at work on.</summary>
internal abstract unsafe class DatasetItems
{
    /// <summary>How many there are.</summary>
    internal abstract long Count { get; }

    /// <summary>Bytes of one.</summary>
    internal abstract int ItemBytes { get; }

    /// <summary>The dimensions that are written: the first one counts items.</summary>
    internal abstract long[] Shape { get; }

    /// <summary>What elements are.</summary>
    internal abstract Formats.ZarrElement Element { get; }

    /// <summary>Items of a page.</summary>
    internal abstract int ItemsPerPage { get; }

    /// <summary>The filter that was asked for; null where pages decide, or where blosc has none such.</summary>
    internal abstract Codecs.Filters.Filter? Filter { get; }

    /// <summary>Copies items out, page by page.</summary>
    internal abstract void Copy(long first, int count, byte* target);

    /// <summary>Whether items are zeroes that take no memory. It may say no of some that are.</summary>
    internal abstract bool AreZeroes(long first, long count);
}
