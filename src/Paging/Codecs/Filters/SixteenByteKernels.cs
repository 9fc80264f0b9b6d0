using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Blocks of elements of 9 to 16 bytes, or of 16 columns of longer elements, between planes and rows.</summary>
/// <remarks>What all kernels have in common is said at <see cref="ByteTransposition"/>.</remarks>
internal static unsafe class SixteenByteKernels
{
    /// <summary>9 to 16 planes to rows of that many bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows<TSimd, TVector>(
        byte* planes, nint pitch, int width, byte* rows, nint stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* plane = planes + at;
            TVector v0 = TSimd.Load(plane);
            TVector v1 = TSimd.Load(plane + pitch);
            TVector v2 = TSimd.Load(plane + (2 * pitch));
            TVector v3 = TSimd.Load(plane + (3 * pitch));
            TVector v4 = TSimd.Load(plane + (4 * pitch));
            TVector v5 = TSimd.Load(plane + (5 * pitch));
            TVector v6 = TSimd.Load(plane + (6 * pitch));
            TVector v7 = TSimd.Load(plane + (7 * pitch));
            TVector v8 = TSimd.Load(plane + (8 * pitch));
            TVector v9 = TSimd.Load(plane + (Math.Min(9, width - 1) * pitch));
            TVector v10 = TSimd.Load(plane + (Math.Min(10, width - 1) * pitch));
            TVector v11 = TSimd.Load(plane + (Math.Min(11, width - 1) * pitch));
            TVector v12 = TSimd.Load(plane + (Math.Min(12, width - 1) * pitch));
            TVector v13 = TSimd.Load(plane + (Math.Min(13, width - 1) * pitch));
            TVector v14 = TSimd.Load(plane + (Math.Min(14, width - 1) * pitch));
            TVector v15 = TSimd.Load(plane + (Math.Min(15, width - 1) * pitch));

            Zipper.ZipAll<TSimd, TVector, byte>(
                ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7,
                ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15);

            byte* row = rows + (at * stride);
            StoreLane<TSimd, TVector>(0, row, stride, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15);
            StoreLane<TSimd, TVector>(1, row + (16 * stride), stride, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15);
            StoreLane<TSimd, TVector>(2, row + (32 * stride), stride, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15);
            StoreLane<TSimd, TVector>(3, row + (48 * stride), stride, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15);
        }

        return at;
    }

    /// <summary>The first 9 to 16 bytes of each row to planes. Reads 16 bytes of each row.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToPlanes<TSimd, TVector>(
        byte* rows, nint stride, byte* planes, nint pitch, int width, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* row = rows + (at * stride);
            TVector v0 = TSimd.LoadLanes(row, 16 * stride);
            TVector v1 = TSimd.LoadLanes(row + stride, 16 * stride);
            TVector v2 = TSimd.LoadLanes(row + (2 * stride), 16 * stride);
            TVector v3 = TSimd.LoadLanes(row + (3 * stride), 16 * stride);
            TVector v4 = TSimd.LoadLanes(row + (4 * stride), 16 * stride);
            TVector v5 = TSimd.LoadLanes(row + (5 * stride), 16 * stride);
            TVector v6 = TSimd.LoadLanes(row + (6 * stride), 16 * stride);
            TVector v7 = TSimd.LoadLanes(row + (7 * stride), 16 * stride);
            TVector v8 = TSimd.LoadLanes(row + (8 * stride), 16 * stride);
            TVector v9 = TSimd.LoadLanes(row + (9 * stride), 16 * stride);
            TVector v10 = TSimd.LoadLanes(row + (10 * stride), 16 * stride);
            TVector v11 = TSimd.LoadLanes(row + (11 * stride), 16 * stride);
            TVector v12 = TSimd.LoadLanes(row + (12 * stride), 16 * stride);
            TVector v13 = TSimd.LoadLanes(row + (13 * stride), 16 * stride);
            TVector v14 = TSimd.LoadLanes(row + (14 * stride), 16 * stride);
            TVector v15 = TSimd.LoadLanes(row + (15 * stride), 16 * stride);

            Zipper.ZipAll<TSimd, TVector, byte>(
                ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7,
                ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15);

            byte* plane = planes + at;
            TSimd.Store(v0, plane);
            TSimd.Store(v1, plane + pitch);
            TSimd.Store(v2, plane + (2 * pitch));
            TSimd.Store(v3, plane + (3 * pitch));
            TSimd.Store(v4, plane + (4 * pitch));
            TSimd.Store(v5, plane + (5 * pitch));
            TSimd.Store(v6, plane + (6 * pitch));
            TSimd.Store(v7, plane + (7 * pitch));
            TSimd.Store(v8, plane + (8 * pitch));
            if (width > 9)
            {
                TSimd.Store(v9, plane + (9 * pitch));
            }

            if (width > 10)
            {
                TSimd.Store(v10, plane + (10 * pitch));
            }

            if (width > 11)
            {
                TSimd.Store(v11, plane + (11 * pitch));
            }

            if (width > 12)
            {
                TSimd.Store(v12, plane + (12 * pitch));
            }

            if (width > 13)
            {
                TSimd.Store(v13, plane + (13 * pitch));
            }

            if (width > 14)
            {
                TSimd.Store(v14, plane + (14 * pitch));
            }

            if (width > 15)
            {
                TSimd.Store(v15, plane + (15 * pitch));
            }
        }

        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane<TSimd, TVector>(
        [ConstantExpected] byte lane, byte* target, nint pitch,
        TVector v0, TVector v1, TVector v2, TVector v3, TVector v4, TVector v5, TVector v6, TVector v7,
        TVector v8, TVector v9, TVector v10, TVector v11, TVector v12, TVector v13, TVector v14, TVector v15)
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
            TSimd.Lane(v8, lane).Store(target + (8 * pitch));
            TSimd.Lane(v9, lane).Store(target + (9 * pitch));
            TSimd.Lane(v10, lane).Store(target + (10 * pitch));
            TSimd.Lane(v11, lane).Store(target + (11 * pitch));
            TSimd.Lane(v12, lane).Store(target + (12 * pitch));
            TSimd.Lane(v13, lane).Store(target + (13 * pitch));
            TSimd.Lane(v14, lane).Store(target + (14 * pitch));
            TSimd.Lane(v15, lane).Store(target + (15 * pitch));
        }
    }
}
