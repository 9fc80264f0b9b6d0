using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>What a transposition of 8 planes does to the bits on its way: nothing, or the transposition of each 8 × 8 of them.</summary>
/// <remarks>The same can be had while the 8 planes are in a register each, or once 8 bytes of one row are next to one another; an
/// implementation does one, and leaves the other as it is.</remarks>
internal interface IBitMatrix
{
    /// <summary>The plane to be taken as the one of this index, on the way to rows.</summary>
    static abstract int Plane(int index);

    /// <summary>Bit i of plane j becomes bit j of plane i. Its own inverse.</summary>
    static abstract void TransposePlanes<TSimd, TVector>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>In each 8 bytes, bit i of byte j, taken by <see cref="Plane"/>, becomes bit j of byte i.</summary>
    static abstract TVector TransposeToRows<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>In each 8 bytes, bit i of byte j becomes bit j of byte i.</summary>
    static abstract TVector TransposeToPlanes<TSimd, TVector>(TVector rows)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>Bytes only.</summary>
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

    /// <summary>The bits of the lower plane that the mask leaves out for those of the upper one that it holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exchange<TSimd, TVector>(ref TVector lower, ref TVector upper, int distance, TVector mask)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // Shifts of 16 bits, for want of any of 8: what crosses into the next byte is masked out, or was shifted in as zeroes.
        TVector differing = TSimd.And(TSimd.Xor(TSimd.ShiftRight<ushort>(lower, distance), upper), mask);
        upper = TSimd.Xor(upper, differing);
        lower = TSimd.Xor(lower, TSimd.ShiftLeft<ushort>(differing, distance));
    }
}

/// <summary>GF2P8AFFINEQB: the data is the matrix, and the unit vectors that it is applied to give its columns.</summary>
internal readonly struct AffineBits : IBitMatrix
{
    private const ulong UnitVectors = 0x8040201008040201;

    // The instruction counts a matrix's rows from its last byte.
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

        // The unit vectors as a matrix mirror the bits of each byte.
        TSimd.MultiplyBits(TSimd.MultiplyBits(TSimd.Repeat(UnitVectors), rows), TSimd.Repeat(UnitVectors));
}
