using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Blocks of elements of 2 bytes, between planes and rows.</summary>
/// <remarks>What all kernels have in common is said at <see cref="ByteTransposition"/>.</remarks>
internal static unsafe class TwoByteKernels
{
    /// <summary>2 planes to rows of 2 bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows<TSimd, TVector>(byte* planes, nint pitch, byte* rows, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        const int Stride = 2;
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* plane = planes + at;
            TVector v0 = TSimd.Load(plane);
            TVector v1 = TSimd.Load(plane + pitch);

            Zipper.Zip<TSimd, TVector, byte>(ref v0, ref v1);

            byte* row = rows + (at * (nint)Stride);
            nint step = 8 * Stride;
            StoreLane<TSimd, TVector>(0, row, step, v0, v1);
            StoreLane<TSimd, TVector>(1, row + (16 * Stride), step, v0, v1);
            StoreLane<TSimd, TVector>(2, row + (32 * Stride), step, v0, v1);
            StoreLane<TSimd, TVector>(3, row + (48 * Stride), step, v0, v1);
        }

        return at;
    }

    /// <summary>Rows of 2 bytes to planes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToPlanes<TSimd, TVector>(byte* rows, byte* planes, nint pitch, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        const int Stride = 2;
        TVector group = TSimd.RepeatLane(ShuffleTables.Group(Stride));
        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            byte* row = rows + (at * (nint)Stride);
            TVector v0 = TSimd.ShuffleLanes(TSimd.LoadLanes(row, 16 * Stride), group);
            TVector v1 = TSimd.ShuffleLanes(TSimd.LoadLanes(row + (8 * Stride), 16 * Stride), group);

            Zipper.Zip<TSimd, TVector, ulong>(ref v0, ref v1);

            byte* plane = planes + at;
            TSimd.Store(v0, plane);
            TSimd.Store(v1, plane + pitch);
        }

        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane<TSimd, TVector>(
        [ConstantExpected] byte lane, byte* target, nint pitch,
        TVector v0, TVector v1)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        if (lane < TSimd.Lanes)
        {
            TSimd.Lane(v0, lane).Store(target);
            TSimd.Lane(v1, lane).Store(target + pitch);
        }
    }
}
