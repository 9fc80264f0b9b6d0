using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Elements of a number of bytes into planes, one for each byte of the element, and back.</summary>
/// <remarks>
/// <para>Both are the transposition of a matrix of bytes, in blocks of 16, 32 or 64 elements. Where the elements do not fill whole blocks,
/// the last block covers some elements a second time. Where the vectors of a block would reach past the matrix, its rows are copied to the
/// stack first.</para>
/// <para>The kernels (<see cref="TwoByteKernels"/> and so on, by the length of an element) work on blocks of as many elements as a vector
/// has bytes. A plane's part of a block is one vector. A lane holds one row of up to 16 bytes, or several shorter ones, padded to a power
/// of two. A kernel goes through the whole blocks that begin at <c>start</c> or later and end by <c>end</c>, and returns where the last of
/// them ended. Its caller makes sure that the 16 bytes at the rows of the last lane are within bounds. Rows are stored in order, because a
/// lane may reach into the rows that the next lane holds.</para>
/// <para>No kernel is inlined: the compiler limits how much it inlines into one method, and a kernel that became a part of its caller would
/// be left with calls in its innermost loop.</para>
/// </remarks>
internal static unsafe class ByteTransposition
{
    private const int Block = 16;

    /// <summary>Byte k of element i, at <paramref name="rows"/>[i · stride + k], goes to <paramref name="planes"/>[k · count +
    /// i].</summary>
    internal static void ToPlanes(byte* rows, byte* planes, int count, int stride, SimdLevel level)
    {
        if (count <= 1 || stride == 1)
        {
            Unsafe.CopyBlockUnaligned(planes, rows, (uint)(count * stride));
        }
        else if (level == SimdLevel.Scalar || (count < Block && stride < Block))
        {
            ScalarFilters.ToPlanes(rows, planes, count, stride);
        }
        else if (count < Block)
        {
            // A few long elements: the same bytes, taken for count planes of stride elements each, are transposed into rows.
            ToRows(rows, planes, stride, count, level);
        }
        else
        {
            ToPlanesByBlocks(rows, planes, count, stride, level);
        }
    }

    /// <summary>The inverse of <see cref="ToPlanes"/>.</summary>
    internal static void ToRows(byte* planes, byte* rows, int count, int stride, SimdLevel level)
    {
        if (count <= 1 || stride == 1)
        {
            Unsafe.CopyBlockUnaligned(rows, planes, (uint)(count * stride));
        }
        else if (level == SimdLevel.Scalar || (count < Block && stride < Block))
        {
            ScalarFilters.ToRows(planes, rows, count, stride);
        }
        else if (count < Block)
        {
            ToPlanes(planes, rows, stride, count, level);
        }
        else
        {
            ToRowsByBlocks(planes, rows, count, stride, level);
        }
    }

    private static void ToPlanesByBlocks(byte* rows, byte* planes, int count, int stride, SimdLevel level)
    {
        int within = count - Excess(stride);
        int done = 0;
        if (level >= SimdLevel.Avx512)
        {
            done = ToPlanes<Simd512, Vector512<byte>>(rows, planes, count, stride, done, within);
        }

        if (level >= SimdLevel.Avx2)
        {
            done = ToPlanes<Simd256, Vector256<byte>>(rows, planes, count, stride, done, within);
        }

        done = ToPlanes<Simd128, Vector128<byte>>(rows, planes, count, stride, done, within);
        if (within == count)
        {
            if (done < count)
            {
                _ = ToPlanes<Simd128, Vector128<byte>>(rows, planes, count, stride, count - Block, count);
            }

            return;
        }

        // What is left can be longer than a block, by the elements that vectors reach into. Behind the copy they reach into 16 bytes that
        // mean nothing.
        Debug.Assert(stride < Block);
        byte* copy = stackalloc byte[(Block + 1) * Block];
        for (; done < count; done += Block)
        {
            int from = Math.Min(done, count - Block);
            Unsafe.CopyBlockUnaligned(copy, rows + (from * stride), (uint)(Block * stride));
            _ = ToPlanes<Simd128, Vector128<byte>>(copy, planes + from, count, stride, 0, Block);
        }
    }

    private static void ToRowsByBlocks(byte* planes, byte* rows, int count, int stride, SimdLevel level)
    {
        int within = count - Excess(stride);
        int done = 0;
        if (level >= SimdLevel.Avx512)
        {
            done = ToRows<Simd512, Vector512<byte>>(planes, rows, count, stride, done, within);
        }

        if (level >= SimdLevel.Avx2)
        {
            done = ToRows<Simd256, Vector256<byte>>(planes, rows, count, stride, done, within);
        }

        done = ToRows<Simd128, Vector128<byte>>(planes, rows, count, stride, done, within);
        if (within == count)
        {
            if (done < count)
            {
                _ = ToRows<Simd128, Vector128<byte>>(planes, rows, count, stride, count - Block, count);
            }

            return;
        }

        Debug.Assert(stride < Block);
        byte* copy = stackalloc byte[(Block + 1) * Block];
        for (; done < count; done += Block)
        {
            int from = Math.Min(done, count - Block);
            _ = ToRows<Simd128, Vector128<byte>>(planes + from, copy, count, stride, 0, Block);
            Unsafe.CopyBlockUnaligned(rows + (from * stride), copy, (uint)(Block * stride));
        }
    }

    /// <summary>How many elements before the last one a block must end, so that its last access of 16 bytes ends with the last
    /// element.</summary>
    private static int Excess(int stride)
    {
        if (stride >= Block)
        {
            return 0;
        }

        int rowsInVector = stride > 8 ? 1 : stride > 4 ? 2 : stride > 2 ? 4 : 8;
        return ((Block + stride - 1) / stride) - rowsInVector;
    }

    /// <summary>Transposes the whole blocks from <paramref name="start"/> to <paramref name="end"/>.</summary>
    /// <returns>Where the last of them ended.</returns>
    private static int ToPlanes<TSimd, TVector>(byte* rows, byte* planes, int count, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        switch (stride)
        {
            case 2:
                return TwoByteKernels.ToPlanes<TSimd, TVector>(rows, planes, count, start, end);
            case <= 4:
                return FourByteKernels.ToPlanes<TSimd, TVector>(rows, stride, planes, count, start, end);
            case <= 8:
                return EightByteKernels.ToPlanes<TSimd, TVector, WholeBytes>(rows, stride, planes, count, start, end);
            case <= Block:
                return SixteenByteKernels.ToPlanes<TSimd, TVector>(rows, stride, planes, count, stride, start, end);
        }

        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            for (int column = 0; column < stride; column += Block)
            {
                // The last 16 columns may overlap those before them, which are then written twice, with the same bytes.
                int from = Math.Min(column, stride - Block);
                _ = SixteenByteKernels.ToPlanes<TSimd, TVector>(
                    rows + from, stride, planes + ((nint)from * count), count, Block, at, at + TSimd.Bytes);
            }
        }

        return at;
    }

    /// <summary>Transposes the whole blocks from <paramref name="start"/> to <paramref name="end"/>.</summary>
    /// <returns>Where the last of them ended.</returns>
    private static int ToRows<TSimd, TVector>(byte* planes, byte* rows, int count, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        switch (stride)
        {
            case 2:
                return TwoByteKernels.ToRows<TSimd, TVector>(planes, count, rows, start, end);
            case <= 4:
                return FourByteKernels.ToRows<TSimd, TVector>(planes, count, rows, stride, start, end);
            case <= 8:
                return EightByteKernels.ToRows<TSimd, TVector, WholeBytes>(planes, count, rows, stride, start, end);
            case <= Block:
                return SixteenByteKernels.ToRows<TSimd, TVector>(planes, count, stride, rows, stride, start, end);
        }

        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            for (int column = 0; column < stride; column += Block)
            {
                int from = Math.Min(column, stride - Block);
                _ = SixteenByteKernels.ToRows<TSimd, TVector>(
                    planes + ((nint)from * count), count, Block, rows + from, stride, at, at + TSimd.Bytes);
            }
        }

        return at;
    }
}
