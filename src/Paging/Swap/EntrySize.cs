namespace Paging.Swap;

/// <summary>The size that a stored page, or several pages together, add to the sums.</summary>
/// <param name="Entries">The number of pages.</param>
/// <param name="Units">Units of their entries, headers and rounding included.</param>
/// <param name="Encoded">Bytes that they are encoded to.</param>
/// <param name="Logical">Bytes that they decode to.</param>
/// <param name="Raw">How many of them are stored raw.</param>
/// <param name="RedundantUnits">Units of those that are redundant.</param>
/// <param name="RedundantEncoded">Bytes that the redundant ones are encoded to.</param>
internal readonly record struct EntrySize(
    int Entries, int Units, int Encoded, int Logical, int Raw, int RedundantUnits, int RedundantEncoded)
{
    internal int Bytes => Units << Location.UnitShift;

    public static EntrySize operator +(in EntrySize left, in EntrySize right) => new(
        left.Entries + right.Entries,
        left.Units + right.Units,
        left.Encoded + right.Encoded,
        left.Logical + right.Logical,
        left.Raw + right.Raw,
        left.RedundantUnits + right.RedundantUnits,
        left.RedundantEncoded + right.RedundantEncoded);

    internal static EntrySize Stored(int units, int encoded, int logical, bool isRaw, bool isRedundant = false) =>
        new(1, units, encoded, logical, isRaw ? 1 : 0, isRedundant ? units : 0, isRedundant ? encoded : 0);

    /// <summary>The size of a page that was compressed anew since it was stored. Its encoded length is counted up to the end of its last
    /// unit.</summary>
    internal static EntrySize Recompressed(int units, int logical, bool isRedundant) =>
        Stored(units, (units << Location.UnitShift) - EntryHeader.Size, logical, isRaw: false, isRedundant);
}
