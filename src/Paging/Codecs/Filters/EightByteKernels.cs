using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Blocks of elements of 5 to 8 bytes, between planes and rows; or, with a bit matrix, between bytes and rows of bits.</summary>
/// <remarks>What all kernels have in common is said at <see cref="ByteTransposition"/>.</remarks>
internal static unsafe class EightByteKernels
{
    /// <summary>5 to 8 planes to rows of that many bytes; with a bit matrix, 8 rows of bits to the bytes of 8 elements.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows<TSimd, TVector, TBits>(
        byte* planes, nint pitch, byte* rows, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TBits : IBitMatrix
    {
        TVector compact = TSimd.RepeatLane(ShuffleTables.Compact(stride));
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* plane = planes + at;
            TVector v0 = TSimd.Load(plane + (Math.Min(TBits.Plane(0), stride - 1) * pitch));
            TVector v1 = TSimd.Load(plane + (Math.Min(TBits.Plane(1), stride - 1) * pitch));
            TVector v2 = TSimd.Load(plane + (Math.Min(TBits.Plane(2), stride - 1) * pitch));
            TVector v3 = TSimd.Load(plane + (Math.Min(TBits.Plane(3), stride - 1) * pitch));
            TVector v4 = TSimd.Load(plane + (Math.Min(TBits.Plane(4), stride - 1) * pitch));
            TVector v5 = TSimd.Load(plane + (Math.Min(TBits.Plane(5), stride - 1) * pitch));
            TVector v6 = TSimd.Load(plane + (Math.Min(TBits.Plane(6), stride - 1) * pitch));
            TVector v7 = TSimd.Load(plane + (Math.Min(TBits.Plane(7), stride - 1) * pitch));

            TBits.TransposePlanes<TSimd, TVector>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);

            Zipper.ZipAll<TSimd, TVector, byte>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);

            v0 = TBits.TransposeToRows<TSimd, TVector>(v0);
            v1 = TBits.TransposeToRows<TSimd, TVector>(v1);
            v2 = TBits.TransposeToRows<TSimd, TVector>(v2);
            v3 = TBits.TransposeToRows<TSimd, TVector>(v3);
            v4 = TBits.TransposeToRows<TSimd, TVector>(v4);
            v5 = TBits.TransposeToRows<TSimd, TVector>(v5);
            v6 = TBits.TransposeToRows<TSimd, TVector>(v6);
            v7 = TBits.TransposeToRows<TSimd, TVector>(v7);

            if (stride < 8)
            {
                v0 = TSimd.ShuffleLanes(v0, compact);
                v1 = TSimd.ShuffleLanes(v1, compact);
                v2 = TSimd.ShuffleLanes(v2, compact);
                v3 = TSimd.ShuffleLanes(v3, compact);
                v4 = TSimd.ShuffleLanes(v4, compact);
                v5 = TSimd.ShuffleLanes(v5, compact);
                v6 = TSimd.ShuffleLanes(v6, compact);
                v7 = TSimd.ShuffleLanes(v7, compact);
            }

            byte* row = rows + (at * (nint)stride);
            nint step = 2 * stride;
            StoreLane<TSimd, TVector>(0, row, step, v0, v1, v2, v3, v4, v5, v6, v7);
            StoreLane<TSimd, TVector>(1, row + (16 * stride), step, v0, v1, v2, v3, v4, v5, v6, v7);
            StoreLane<TSimd, TVector>(2, row + (32 * stride), step, v0, v1, v2, v3, v4, v5, v6, v7);
            StoreLane<TSimd, TVector>(3, row + (48 * stride), step, v0, v1, v2, v3, v4, v5, v6, v7);
        }

        return at;
    }

    /// <summary>Rows of 5 to 8 bytes to planes; with a bit matrix, the bytes of 8 elements to 8 rows of bits.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToPlanes<TSimd, TVector, TBits>(
        byte* rows, int stride, byte* planes, nint pitch, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TBits : IBitMatrix
    {
        TVector group = TSimd.RepeatLane(ShuffleTables.Group(stride));
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* row = rows + (at * (nint)stride);
            nint lane = 16 * stride;
            TVector v0 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row, lane)), group);
            TVector v1 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (2 * stride), lane)), group);
            TVector v2 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (4 * stride), lane)), group);
            TVector v3 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (6 * stride), lane)), group);
            TVector v4 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (8 * stride), lane)), group);
            TVector v5 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (10 * stride), lane)), group);
            TVector v6 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (12 * stride), lane)), group);
            TVector v7 = TSimd.ShuffleLanes(TBits.TransposeToPlanes<TSimd, TVector>(TSimd.LoadLanes(row + (14 * stride), lane)), group);

            Zipper.ZipAll<TSimd, TVector, ushort>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);

            TBits.TransposePlanes<TSimd, TVector>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);

            byte* plane = planes + at;
            TSimd.Store(v0, plane);
            TSimd.Store(v1, plane + pitch);
            TSimd.Store(v2, plane + (2 * pitch));
            TSimd.Store(v3, plane + (3 * pitch));
            TSimd.Store(v4, plane + (4 * pitch));
            if (stride > 5)
            {
                TSimd.Store(v5, plane + (5 * pitch));
            }

            if (stride > 6)
            {
                TSimd.Store(v6, plane + (6 * pitch));
            }

            if (stride > 7)
            {
                TSimd.Store(v7, plane + (7 * pitch));
            }
        }

        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane<TSimd, TVector>(
        [ConstantExpected] byte lane, byte* target, nint pitch,
        TVector v0, TVector v1, TVector v2, TVector v3, TVector v4, TVector v5, TVector v6, TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        if (lane < TSimd.Lanes)
        {
            TSimd.Lane(v0, lane).Store(target);
            TSimd.Lane(v1, lane).Store(target + pitch);
            TSimd.Lane(v2, lane).Store(target + (2 * pitch));
            TSimd.Lane(v3, lane).Store(target + (3 * pitch));
            TSimd.Lane(v4, lane).Store(target + (4 * pitch));
            TSimd.Lane(v5, lane).Store(target + (5 * pitch));
            TSimd.Lane(v6, lane).Store(target + (6 * pitch));
            TSimd.Lane(v7, lane).Store(target + (7 * pitch));
        }
    }
}
