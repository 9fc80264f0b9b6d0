using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Blocks of elements of 3 or 4 bytes, between planes and rows.</summary>
/// <remarks>What all kernels have in common is said at <see cref="ByteTransposition"/>.</remarks>
internal static unsafe class FourByteKernels
{
    /// <summary>3 or 4 planes to rows of that many bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows<TSimd, TVector>(byte* planes, nint pitch, byte* rows, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector compact = TSimd.RepeatLane(ShuffleTables.Compact(stride));
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* plane = planes + at;
            TVector v0 = TSimd.Load(plane);
            TVector v1 = TSimd.Load(plane + pitch);
            TVector v2 = TSimd.Load(plane + (2 * pitch));
            TVector v3 = TSimd.Load(plane + ((stride - 1) * pitch));

            Zipper.ZipAll<TSimd, TVector, byte>(ref v0, ref v1, ref v2, ref v3);

            if (stride < 4)
            {
                v0 = TSimd.ShuffleLanes(v0, compact);
                v1 = TSimd.ShuffleLanes(v1, compact);
                v2 = TSimd.ShuffleLanes(v2, compact);
                v3 = TSimd.ShuffleLanes(v3, compact);
            }

            byte* row = rows + (at * (nint)stride);
            nint step = 4 * stride;
            StoreLane<TSimd, TVector>(0, row, step, v0, v1, v2, v3);
            StoreLane<TSimd, TVector>(1, row + (16 * stride), step, v0, v1, v2, v3);
            StoreLane<TSimd, TVector>(2, row + (32 * stride), step, v0, v1, v2, v3);
            StoreLane<TSimd, TVector>(3, row + (48 * stride), step, v0, v1, v2, v3);
        }

        return at;
    }

    /// <summary>Rows of 3 or 4 bytes to planes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToPlanes<TSimd, TVector>(byte* rows, int stride, byte* planes, nint pitch, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector group = TSimd.RepeatLane(ShuffleTables.Group(stride));
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* row = rows + (at * (nint)stride);
            TVector v0 = TSimd.ShuffleLanes(TSimd.LoadLanes(row, 16 * stride), group);
            TVector v1 = TSimd.ShuffleLanes(TSimd.LoadLanes(row + (4 * stride), 16 * stride), group);
            TVector v2 = TSimd.ShuffleLanes(TSimd.LoadLanes(row + (8 * stride), 16 * stride), group);
            TVector v3 = TSimd.ShuffleLanes(TSimd.LoadLanes(row + (12 * stride), 16 * stride), group);

            Zipper.ZipAll<TSimd, TVector, uint>(ref v0, ref v1, ref v2, ref v3);

            byte* plane = planes + at;
            TSimd.Store(v0, plane);
            TSimd.Store(v1, plane + pitch);
            TSimd.Store(v2, plane + (2 * pitch));
            if (stride > 3)
            {
                TSimd.Store(v3, plane + (3 * pitch));
            }
        }

        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane<TSimd, TVector>(
        [ConstantExpected] byte lane, byte* target, nint pitch,
        TVector v0, TVector v1, TVector v2, TVector v3)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        if (lane < TSimd.Lanes)
        {
            TSimd.Lane(v0, lane).Store(target);
            TSimd.Lane(v1, lane).Store(target + pitch);
            TSimd.Lane(v2, lane).Store(target + (2 * pitch));
            TSimd.Lane(v3, lane).Store(target + (3 * pitch));
        }
    }
}
