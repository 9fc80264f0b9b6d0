namespace Paging.Codecs.Filters;

/// <summary>What is done to a page before its codec encodes it. Part of the stored form: values are never reused.</summary>
internal enum FilterKind : byte
{
    None,

    /// <summary>Bytes of equal place in their elements come together.</summary>
    Shuffle,

    /// <summary>Bits of equal place in their elements come together.</summary>
    BitShuffle,

    /// <summary>Elements become their zigzagged differences to the element before, then Shuffle.</summary>
    DeltaShuffle,

    /// <summary>Elements become their zigzagged differences to the element before, then BitShuffle.</summary>
    DeltaBitShuffle,

    /// <summary>Elements become the bits in which they differ from the element before, then BitShuffle.</summary>
    XorBitShuffle,
}

/// <summary>A filter, with the shape of the data that it suits. Part of the stored form.</summary>
/// <param name="Kind">The transform.</param>
/// <param name="Stride">Bytes from an element, or record, to the next.</param>
/// <param name="LaneBytes">The width of the little-endian numbers whose differences are taken; an element consists of such numbers. 1 for
/// the kinds that take no differences of numbers.</param>
internal readonly record struct Filter(FilterKind Kind, int Stride, int LaneBytes)
{
    internal const int MaxStride = 512;

    internal static Filter None => new(FilterKind.None, 1, 1);

    /// <summary>False for filters that only a damaged or foreign store can name.</summary>
    internal bool IsValid =>
        Kind <= FilterKind.XorBitShuffle
        && Stride is >= 1 and <= MaxStride
        && (LaneBytes == 1 || (HasNumbers && LaneBytes is 2 or 4 or 8 && Stride % LaneBytes == 0));

    private bool HasNumbers => Kind is FilterKind.DeltaShuffle or FilterKind.DeltaBitShuffle;
}
