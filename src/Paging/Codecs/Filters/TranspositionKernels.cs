using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Blocks of as many elements as a vector has bytes, between planes and rows.</summary>
/// <remarks>A plane's part of a block is one vector; a row of up to 16 bytes, or several shorter ones, is a lane, padded to a power of two.
/// All go over whole blocks from <c>start</c> on that end by <c>end</c>, and return where they ended. The caller sees to it that
/// the 16 bytes at the last lane's rows are within bounds. Rows are stored in order, for a lane may reach into the rows that the next one
/// holds. None is inlined: what the compiler inlines into one method is limited, and a
/// kernel as part of its caller would be left with calls in its innermost loop.</remarks>
internal static unsafe partial class TranspositionKernels
{
    /// <summary>2 planes to rows of 2 bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows2<TSimd, TVector>(byte* planes, nint pitch, byte* rows, int start, int end)
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

            Zip<TSimd, TVector, byte>(ref v0, ref v1);


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
    internal static int ToPlanes2<TSimd, TVector>(byte* rows, byte* planes, nint pitch, int start, int end)
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

            Zip<TSimd, TVector, ulong>(ref v0, ref v1);


            byte* plane = planes + at;
            TSimd.Store(v0, plane);
            TSimd.Store(v1, plane + pitch);
        }

        return at;
    }

    /// <summary>3 or 4 planes to rows of as many bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int ToRows4<TSimd, TVector>(byte* planes, nint pitch, byte* rows, int stride, int start, int end)
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

            ZipAll<TSimd, TVector, byte>(ref v0, ref v1, ref v2, ref v3);

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
    internal static int ToPlanes4<TSimd, TVector>(byte* rows, int stride, byte* planes, nint pitch, int start, int end)
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

            ZipAll<TSimd, TVector, uint>(ref v0, ref v1, ref v2, ref v3);

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

    /// <summary>Pairs at distances n/2, n/4 … 1: the bits of the index among the registers have then changed places with the topmost bits of the
    /// index within, and the registers are in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ZipAll<TSimd, TVector, TUnit>(ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v2);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v3);

        Zip<TSimd, TVector, TUnit>(ref v0, ref v1);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ZipAll<TSimd, TVector, TUnit>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v4);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v5);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v6);
        Zip<TSimd, TVector, TUnit>(ref v3, ref v7);

        ZipAll<TSimd, TVector, TUnit>(ref v0, ref v1, ref v2, ref v3);
        ZipAll<TSimd, TVector, TUnit>(ref v4, ref v5, ref v6, ref v7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ZipAll<TSimd, TVector, TUnit>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7,
        ref TVector v8, ref TVector v9, ref TVector v10, ref TVector v11, ref TVector v12, ref TVector v13, ref TVector v14, ref TVector v15)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v8);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v9);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v10);
        Zip<TSimd, TVector, TUnit>(ref v3, ref v11);
        Zip<TSimd, TVector, TUnit>(ref v4, ref v12);
        Zip<TSimd, TVector, TUnit>(ref v5, ref v13);
        Zip<TSimd, TVector, TUnit>(ref v6, ref v14);
        Zip<TSimd, TVector, TUnit>(ref v7, ref v15);

        ZipAll<TSimd, TVector, TUnit>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);
        ZipAll<TSimd, TVector, TUnit>(ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15);
    }

    /// <summary>The units of both, alternating: the lower half to the left one, the upper to the right one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Zip<TSimd, TVector, TUnit>(ref TVector left, ref TVector right)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        TVector low = TSimd.UnpackLow<TUnit>(left, right);
        right = TSimd.UnpackHigh<TUnit>(left, right);
        left = low;
    }
}
