using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Elements of a number of bytes into planes, one for each byte of the element, and back.</summary>
/// <remarks>Both are the transposition of a matrix of bytes, in blocks of 16, 32 or 64 elements. Where the elements do not fill blocks, the
/// last block covers some once more; where the vectors of a block would reach past the matrix, its rows go by way of the stack.</remarks>
internal static unsafe class ByteTransposition
{
    private const int Block = 16;

    /// <summary>Byte k of element i, at <paramref name="rows"/>[i · stride + k], goes to <paramref name="planes"/>[k · count + i].</summary>
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
            // Few, long elements are planes already, of elements as long as they are many.
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

        // What is left can be more than a block, by the elements that the vectors reach over.
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

    /// <summary>How many elements a block must end before the last, for its last 16-byte access to end with the last.</summary>
    private static int Excess(int stride)
    {
        if (stride >= Block)
        {
            return 0;
        }

        int rowsInVector = stride > 8 ? 1 : stride > 4 ? 2 : stride > 2 ? 4 : 8;
        return ((Block + stride - 1) / stride) - rowsInVector;
    }

    /// <summary>Whole blocks from <paramref name="start"/> on that end by <paramref name="end"/>; returns where they ended.</summary>
    private static int ToPlanes<TSimd, TVector>(byte* rows, byte* planes, int count, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        switch (stride)
        {
            case 2:
                return TranspositionKernels.ToPlanes2<TSimd, TVector>(rows, planes, count, start, end);
            case <= 4:
                return TranspositionKernels.ToPlanes4<TSimd, TVector>(rows, stride, planes, count, start, end);
            case <= 8:
                return TranspositionKernels.ToPlanes8<TSimd, TVector, WholeBytes>(rows, stride, planes, count, start, end);
            case <= Block:
                return TranspositionKernels.ToPlanes16<TSimd, TVector>(rows, stride, planes, count, stride, start, end);
        }

        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            for (int column = 0; column < stride; column += Block)
            {
                // The last 16 columns may be partly those before: written twice, the same.
                int from = Math.Min(column, stride - Block);
                _ = TranspositionKernels.ToPlanes16<TSimd, TVector>(
                    rows + from, stride, planes + ((nint)from * count), count, Block, at, at + TSimd.Bytes);
            }
        }

        return at;
    }

    /// <summary>Whole blocks from <paramref name="start"/> on that end by <paramref name="end"/>; returns where they ended.</summary>
    private static int ToRows<TSimd, TVector>(byte* planes, byte* rows, int count, int stride, int start, int end)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        switch (stride)
        {
            case 2:
                return TranspositionKernels.ToRows2<TSimd, TVector>(planes, count, rows, start, end);
            case <= 4:
                return TranspositionKernels.ToRows4<TSimd, TVector>(planes, count, rows, stride, start, end);
            case <= 8:
                return TranspositionKernels.ToRows8<TSimd, TVector, WholeBytes>(planes, count, rows, stride, start, end);
            case <= Block:
                return TranspositionKernels.ToRows16<TSimd, TVector>(planes, count, stride, rows, stride, start, end);
        }

        int at = start;
        for (; at <= end - TSimd.Bytes; at += TSimd.Bytes)
        {
            for (int column = 0; column < stride; column += Block)
            {
                int from = Math.Min(column, stride - Block);
                _ = TranspositionKernels.ToRows16<TSimd, TVector>(
                    planes + ((nint)from * count), count, Block, rows + from, stride, at, at + TSimd.Bytes);
            }
        }

        return at;
    }
}
