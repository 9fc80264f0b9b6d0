using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>What a transposition of 8 planes does to the bits on the way: nothing, or it transposes each 8 × 8 of them.</summary>
/// <remarks>The bits can be transposed while each of the 8 planes is in a register of its own, or once the 8 bytes of a row are next to one
/// another. An implementation does one of the two, and in the other step leaves everything as it is.</remarks>
internal interface IBitMatrix
{
    /// <summary>The plane to load as the one with this index, on the way to rows.</summary>
    static abstract int Plane(int index);

    /// <summary>Bit i of plane j becomes bit j of plane i. Its own inverse.</summary>
    static abstract void TransposePlanes<TSimd, TVector>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>In each 8 bytes, which were loaded in the order of <see cref="Plane"/>, bit i of byte j becomes bit j of byte i.</summary>
    static abstract TVector TransposeToRows<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>In each 8 bytes, bit i of byte j becomes bit j of byte i.</summary>
    static abstract TVector TransposeToPlanes<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>Leaves the bits as they are.</summary>
internal readonly struct WholeBytes : IBitMatrix
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Plane(int index) => index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposePlanes<TSimd, TVector>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToRows<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct => rows;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToPlanes<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct => rows;
}

/// <summary>Three rounds of exchanges between planes (Hacker's Delight 7-3, across registers instead of within one).</summary>
internal readonly struct ExchangedBits : IBitMatrix
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Plane(int index) => index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposePlanes<TSimd, TVector>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector mask = TSimd.Repeat((byte)0x0F);
        Exchange<TSimd, TVector>(ref v0, ref v4, 4, mask);
        Exchange<TSimd, TVector>(ref v1, ref v5, 4, mask);
        Exchange<TSimd, TVector>(ref v2, ref v6, 4, mask);
        Exchange<TSimd, TVector>(ref v3, ref v7, 4, mask);

        mask = TSimd.Repeat((byte)0x33);
        Exchange<TSimd, TVector>(ref v0, ref v2, 2, mask);
        Exchange<TSimd, TVector>(ref v1, ref v3, 2, mask);
        Exchange<TSimd, TVector>(ref v4, ref v6, 2, mask);
        Exchange<TSimd, TVector>(ref v5, ref v7, 2, mask);

        mask = TSimd.Repeat((byte)0x55);
        Exchange<TSimd, TVector>(ref v0, ref v1, 1, mask);
        Exchange<TSimd, TVector>(ref v2, ref v3, 1, mask);
        Exchange<TSimd, TVector>(ref v4, ref v5, 1, mask);
        Exchange<TSimd, TVector>(ref v6, ref v7, 1, mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToRows<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct => rows;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToPlanes<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct => rows;

    /// <summary>Exchanges the bits of the lower plane that are outside the mask for the bits of the upper plane that are inside
    /// it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exchange<TSimd, TVector>(ref TVector lower, ref TVector upper, int distance, TVector mask)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // Shifts of 16 bits, since there are none of 8. Bits that cross into the next byte are masked out, or are zeroes.
        TVector differing = TSimd.And(TSimd.Xor(TSimd.ShiftRight<ushort>(lower, distance), upper), mask);
        upper = TSimd.Xor(upper, differing);
        lower = TSimd.Xor(lower, TSimd.ShiftLeft<ushort>(differing, distance));
    }
}

/// <summary>By the instruction GF2P8AFFINEQB: the data is the matrix, and is applied to unit vectors, which gives its columns.</summary>
internal readonly struct AffineBits : IBitMatrix
{
    private const ulong UnitVectors = 0x8040201008040201;

    // The instruction counts the rows of a matrix from its last byte.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Plane(int index) => 7 - index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposePlanes<TSimd, TVector>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToRows<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.MultiplyBits(TSimd.Repeat(UnitVectors), rows);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector TransposeToPlanes<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct =>

        // Used as a matrix, the unit vectors reverse the order of the bits in each byte.
        TSimd.MultiplyBits(TSimd.MultiplyBits(TSimd.Repeat(UnitVectors), rows), TSimd.Repeat(UnitVectors));
}
