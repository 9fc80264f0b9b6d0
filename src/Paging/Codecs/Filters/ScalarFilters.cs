using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>The transforms byte by byte, for machines without vectors, and for matrices that are too small for vectors.</summary>
internal static unsafe class ScalarFilters
{
    internal static void ToPlanes(byte* rows, byte* planes, int count, int stride)
    {
        for (int k = 0; k < stride; k++)
        {
            byte* row = rows + k;
            for (int i = 0; i < count; i++, row += stride)
            {
                *planes++ = *row;
            }
        }
    }

    internal static void ToRows(byte* planes, byte* rows, int count, int stride)
    {
        for (int k = 0; k < stride; k++)
        {
            byte* row = rows + k;
            for (int i = 0; i < count; i++, row += stride)
            {
                *row = *planes++;
            }
        }
    }

    internal static void ToBits(byte* bytes, byte* bits, int row, int planes)
    {
        for (int k = 0; k < planes; k++, bits += 7 * (nint)row)
        {
            for (int i = 0; i < row; i++, bytes += sizeof(ulong), bits++)
            {
                ulong matrix = Transpose(Load(bytes));
                for (int j = 0; j < 8; j++)
                {
                    bits[(nint)j * row] = (byte)(matrix >> (8 * j));
                }
            }
        }
    }

    internal static void ToBytes(byte* bits, byte* bytes, int row, int planes)
    {
        for (int k = 0; k < planes; k++, bits += 7 * (nint)row)
        {
            for (int i = 0; i < row; i++, bytes += sizeof(ulong), bits++)
            {
                ulong matrix = 0;
                for (int j = 0; j < 8; j++)
                {
                    matrix |= (ulong)bits[(nint)j * row] << (8 * j);
                }

                Store(bytes, Transpose(matrix));
            }
        }
    }

    /// <summary>Bit i of byte j becomes bit j of byte i (Hacker's Delight 7-3).</summary>
    private static ulong Transpose(ulong matrix)
    {
        matrix = Exchange(matrix, 7, 0x00AA00AA00AA00AA);
        matrix = Exchange(matrix, 14, 0x0000CCCC0000CCCC);
        return Exchange(matrix, 28, 0x00000000F0F0F0F0);
    }

    private static ulong Exchange(ulong matrix, int distance, ulong mask)
    {
        ulong differing = (matrix ^ (matrix >> distance)) & mask;
        return matrix ^ differing ^ (differing << distance);
    }

    // Byte j in bits 8j to 8j + 7, whatever the byte order of the machine.
    private static ulong Load(byte* source)
    {
        ulong value = Unsafe.ReadUnaligned<ulong>(source);
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    private static void Store(byte* target, ulong value) =>
        Unsafe.WriteUnaligned(target, BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
}
