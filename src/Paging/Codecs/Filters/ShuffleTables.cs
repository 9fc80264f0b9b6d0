namespace Paging.Codecs.Filters;

/// <summary>Orders for the bytes of a lane that holds 8 rows of 2 bytes, 4 rows of up to 4, or 2 rows of up to 8; 128 stands for a
/// zero.</summary>
internal static unsafe class ShuffleTables
{
    private const int LaneBytes = 16;
    private const int MinStride = 2;

    // Take the padding out of rows that were padded to a power of two.
    private static ReadOnlySpan<byte> Compacts =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // 2
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 128, 128, 128, 128, // 3
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // 4
        0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 128, 128, 128, 128, 128, 128, // 5
        0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 128, 128, 128, 128, // 6
        0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 128, 128, // 7
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // 8
    ];

    // The first bytes of all rows of the lane, then their second bytes and so on, padded to a power of two.
    private static ReadOnlySpan<byte> Groups =>
    [
        0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, // 2
        0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 128, 128, 128, 128, // 3
        0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, // 4
        0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 128, 128, 128, 128, 128, 128, // 5
        0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 128, 128, 128, 128, // 6
        0, 7, 1, 8, 2, 9, 3, 10, 4, 11, 5, 12, 6, 13, 128, 128, // 7
        0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, // 8
    ];

    /// <summary>16 indices that take the padding out of rows.</summary>
    internal static byte* Compact(int stride) => At(Compacts, stride);

    /// <summary>16 indices that bring bytes of equal place in their rows together.</summary>
    internal static byte* Group(int stride) => At(Groups, stride);

    private static byte* At(ReadOnlySpan<byte> tables, int stride) =>
        ConstantData.Address(tables) + ((stride - MinStride) * LaneBytes);
}
