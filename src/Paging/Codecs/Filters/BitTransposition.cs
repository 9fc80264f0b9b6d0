using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Planes of bytes into planes of bits, and back.</summary>
/// <remarks>A plane of bytes becomes 8 rows of bits, each with one bit for each element. Seen as bytes, that is the transposition of
/// elements of 8 bytes, in which the 8 × 8 bits of each element are transposed as well. So the kernels are the same.</remarks>
internal static unsafe class BitTransposition
{
    private const int BitsPerByte = 8;
    private const int Block = 16;
    private const int BlockBytes = Block * BitsPerByte;

    /// <summary>Bit j of byte i of plane k goes to bit i % 8 of <paramref name="bits"/>[(8k + j) · row + i / 8].</summary>
    /// <remarks>A row of bits has an eighth of the bytes of a plane of bytes.</remarks>
    internal static void ToBits(byte* bytes, byte* bits, int row, int planes, SimdLevel level)
    {
        if (level == SimdLevel.Scalar)
        {
            ScalarFilters.ToBits(bytes, bits, row, planes);
        }
        else if (level >= SimdLevel.Avx512Vbmi)
        {
            ToBits<AffineBits>(bytes, bits, row, planes, level);
        }
        else
        {
            ToBits<ExchangedBits>(bytes, bits, row, planes, level);
        }
    }

    /// <summary>The inverse of <see cref="ToBits(byte*, byte*, int, int, SimdLevel)"/>.</summary>
    internal static void ToBytes(byte* bits, byte* bytes, int row, int planes, SimdLevel level)
    {
        if (level == SimdLevel.Scalar)
        {
            ScalarFilters.ToBytes(bits, bytes, row, planes);
        }
        else if (level >= SimdLevel.Avx512Vbmi)
        {
            ToBytes<AffineBits>(bits, bytes, row, planes, level);
        }
        else
        {
            ToBytes<ExchangedBits>(bits, bytes, row, planes, level);
        }
    }

    private static void ToBits<TBits>(byte* bytes, byte* bits, int row, int planes, SimdLevel level)
        where TBits : IBitMatrix
    {
        int plane = row * BitsPerByte;
        int total = plane * planes;
        for (int at = 0; at < total; at += plane)
        {
            if (row >= Block)
            {
                PlaneToBits<TBits>(bytes + at, bits + at, row, level);
            }
            else if (at + BlockBytes <= total)
            {
                // A row is shorter than a vector: what is written beyond it, the next row overwrites.
                _ = EightByteKernels.ToPlanes<Simd128, Vector128<byte>, TBits>(bytes + at, BitsPerByte, bits + at, row, 0, Block);
            }
            else
            {
                LastPlaneToBits<TBits>(bytes + at, bits + at, row);
            }
        }
    }

    private static void ToBytes<TBits>(byte* bits, byte* bytes, int row, int planes, SimdLevel level)
        where TBits : IBitMatrix
    {
        int plane = row * BitsPerByte;
        int total = plane * planes;
        for (int at = 0; at < total; at += plane)
        {
            if (row >= Block)
            {
                PlaneToBytes<TBits>(bits + at, bytes + at, row, level);
            }
            else if (at + BlockBytes <= total)
            {
                _ = EightByteKernels.ToRows<Simd128, Vector128<byte>, TBits>(bits + at, row, bytes + at, BitsPerByte, 0, Block);
            }
            else
            {
                LastPlaneToBytes<TBits>(bits + at, bytes + at, row);
            }
        }
    }

    /// <summary>A plane of short rows, behind which the matrix ends too soon for whole vectors.</summary>
    private static void LastPlaneToBits<TBits>(byte* bytes, byte* bits, int row)
        where TBits : IBitMatrix
    {
        byte* from = stackalloc byte[BlockBytes];
        byte* to = stackalloc byte[BlockBytes];
        Unsafe.CopyBlockUnaligned(from, bytes, (uint)(row * BitsPerByte));
        _ = EightByteKernels.ToPlanes<Simd128, Vector128<byte>, TBits>(from, BitsPerByte, to, row, 0, Block);
        Unsafe.CopyBlockUnaligned(bits, to, (uint)(row * BitsPerByte));
    }

    private static void LastPlaneToBytes<TBits>(byte* bits, byte* bytes, int row)
        where TBits : IBitMatrix
    {
        byte* from = stackalloc byte[BlockBytes];
        byte* to = stackalloc byte[BlockBytes];
        Unsafe.CopyBlockUnaligned(from, bits, (uint)(row * BitsPerByte));
        _ = EightByteKernels.ToRows<Simd128, Vector128<byte>, TBits>(from, row, to, BitsPerByte, 0, Block);
        Unsafe.CopyBlockUnaligned(bytes, to, (uint)(row * BitsPerByte));
    }

    private static void PlaneToBits<TBits>(byte* bytes, byte* bits, int row, SimdLevel level)
        where TBits : IBitMatrix
    {
        int done = 0;
        if (level >= SimdLevel.Avx512)
        {
            done = EightByteKernels.ToPlanes<Simd512, Vector512<byte>, TBits>(bytes, BitsPerByte, bits, row, done, row);
        }

        if (level >= SimdLevel.Avx2)
        {
            done = EightByteKernels.ToPlanes<Simd256, Vector256<byte>, TBits>(bytes, BitsPerByte, bits, row, done, row);
        }

        done = EightByteKernels.ToPlanes<Simd128, Vector128<byte>, TBits>(bytes, BitsPerByte, bits, row, done, row);
        if (done < row)
        {
            // Some of the elements before are covered a second time, and the same bytes are written.
            _ = EightByteKernels.ToPlanes<Simd128, Vector128<byte>, TBits>(bytes, BitsPerByte, bits, row, row - Block, row);
        }
    }

    private static void PlaneToBytes<TBits>(byte* bits, byte* bytes, int row, SimdLevel level)
        where TBits : IBitMatrix
    {
        int done = 0;
        if (level >= SimdLevel.Avx512)
        {
            done = EightByteKernels.ToRows<Simd512, Vector512<byte>, TBits>(bits, row, bytes, BitsPerByte, done, row);
        }

        if (level >= SimdLevel.Avx2)
        {
            done = EightByteKernels.ToRows<Simd256, Vector256<byte>, TBits>(bits, row, bytes, BitsPerByte, done, row);
        }

        done = EightByteKernels.ToRows<Simd128, Vector128<byte>, TBits>(bits, row, bytes, BitsPerByte, done, row);
        if (done < row)
        {
            _ = EightByteKernels.ToRows<Simd128, Vector128<byte>, TBits>(bits, row, bytes, BitsPerByte, row - Block, row);
        }
    }
}
