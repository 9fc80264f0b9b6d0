using Paging.Codecs.Filters;

namespace Paging.Tests.Codecs.Filters;

/// <summary>The transforms as their definitions say, one byte or bit at a time.</summary>
internal static class ReferenceFilters
{
    public static byte[] Apply(Filter filter, byte[] page)
    {
        int count = page.Length / filter.Stride;
        byte[] elements = filter.Kind switch
        {
            FilterKind.DeltaShuffle or FilterKind.DeltaBitShuffle => Zigzagged(page, count, filter.Stride, filter.LaneBytes),
            FilterKind.XorBitShuffle => Xored(page, count, filter.Stride),
            _ => page,
        };
        return filter.Kind switch
        {
            FilterKind.None => [.. page],
            FilterKind.Shuffle or FilterKind.DeltaShuffle => Shuffled(elements, count, filter.Stride),
            _ => BitShuffled(elements, count / 8 * 8, filter.Stride),
        };
    }

    public static int BitCost(byte[] bytes, int lag)
    {
        int cost = 0;
        for (int i = lag; i < bytes.Length; i++)
        {
            sbyte difference = unchecked((sbyte)(bytes[i] - bytes[i - lag]));
            int zigzagged = difference < 0 ? (-2 * difference) - 1 : 2 * difference;
            for (; zigzagged != 0; zigzagged >>= 1)
            {
                cost++;
            }
        }

        return cost;
    }

    private static byte[] Shuffled(byte[] elements, int count, int stride)
    {
        byte[] result = [.. elements];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < stride; k++)
            {
                result[(k * count) + i] = elements[(i * stride) + k];
            }
        }

        return result;
    }

    private static byte[] BitShuffled(byte[] elements, int count, int stride)
    {
        byte[] result = [.. elements];
        Array.Clear(result, 0, count * stride);
        for (int i = 0; i < count; i++)
        {
            for (int bit = 0; bit < 8 * stride; bit++)
            {
                int value = (elements[(i * stride) + (bit / 8)] >> (bit % 8)) & 1;
                result[(bit * (count / 8)) + (i / 8)] |= (byte)(value << (i % 8));
            }
        }

        return result;
    }

    private static byte[] Zigzagged(byte[] page, int count, int stride, int laneBytes)
    {
        byte[] result = [.. page];
        for (int at = 0; at < count * stride; at += laneBytes)
        {
            UInt128 modulus = UInt128.One << (8 * laneBytes);
            UInt128 previous = at < stride ? 0 : Lane(page, at - stride, laneBytes);
            UInt128 difference = (Lane(page, at, laneBytes) + modulus - previous) % modulus;

            // 0, −1, 1, −2, 2 … count up from 0.
            UInt128 zigzagged = difference < modulus / 2 ? 2 * difference : (2 * (modulus - difference)) - 1;
            for (int i = 0; i < laneBytes; i++)
            {
                result[at + i] = (byte)(zigzagged >> (8 * i));
            }
        }

        return result;
    }

    private static UInt128 Lane(byte[] page, int at, int laneBytes)
    {
        UInt128 value = 0;
        for (int i = 0; i < laneBytes; i++)
        {
            value |= (UInt128)page[at + i] << (8 * i);
        }

        return value;
    }

    private static byte[] Xored(byte[] page, int count, int stride)
    {
        byte[] result = [.. page];
        for (int at = stride; at < count * stride; at++)
        {
            result[at] ^= page[at - stride];
        }

        return result;
    }
}
