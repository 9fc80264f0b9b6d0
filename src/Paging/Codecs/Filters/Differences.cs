using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Elements into differences to the element before, and back. The first is told from an element of zeroes.</summary>
/// <remarks>Source and target are distinct: running sums are stored by vectors that reach into the next elements, whose differences
/// must still be there to be read.</remarks>
internal static unsafe class Differences
{
    private const int MaxVectorBytes = 64;

    /// <summary>Differences of whole elements: the length is a multiple of the stride, and that of the lane.</summary>
    internal static void Take<TDifference>(byte* source, byte* target, int length, int stride, SimdLevel level)
        where TDifference : IDifference
    {
        if (length == 0)
        {
            return;
        }

        byte* zeroes = stackalloc byte[stride];
        Unsafe.InitBlockUnaligned(zeroes, 0, (uint)stride);
        Take<TDifference>(source, zeroes, target, stride, level);
        Take<TDifference>(source + stride, source, target + stride, length - stride, level);
    }

    /// <summary>The inverse of <see cref="Take{TDifference}(byte*, byte*, int, int, SimdLevel)"/>.</summary>
    internal static void Sum<TDifference>(byte* source, byte* target, int length, int stride, SimdLevel level)
        where TDifference : IDifference
    {
        if (level == SimdLevel.Scalar)
        {
            SumScalar<TDifference>(source, target, length, stride);
        }
        else if (level >= SimdLevel.Avx512Vbmi || (level >= SimdLevel.Avx512 && stride > MaxVectorBytes / 2))
        {
            Sum<TDifference, Simd512, Vector512<byte>>(source, target, length, stride);
        }
        else if (level >= SimdLevel.Avx2 && stride > Vector128<byte>.Count)
        {
            Sum<TDifference, Simd256, Vector256<byte>>(source, target, length, stride);
        }
        else
        {
            Sum<TDifference, Simd128, Vector128<byte>>(source, target, length, stride);
        }
    }

    private static void Take<TDifference>(byte* values, byte* previous, byte* target, int length, SimdLevel level)
        where TDifference : IDifference
    {
        int at = 0;
        if (level >= SimdLevel.Avx512)
        {
            at = Take<TDifference, Simd512, Vector512<byte>>(values, previous, target, at, length);
        }

        if (level >= SimdLevel.Vector128)
        {
            if (level >= SimdLevel.Avx2)
            {
                at = Take<TDifference, Simd256, Vector256<byte>>(values, previous, target, at, length);
            }

            at = Take<TDifference, Simd128, Vector128<byte>>(values, previous, target, at, length);
            if (at < length && length >= Vector128<byte>.Count)
            {
                // Once more over some of the lanes before: the same is written.
                at = Take<TDifference, Simd128, Vector128<byte>>(values, previous, target, length - Vector128<byte>.Count, length);
            }
        }

        for (; at < length; at += TDifference.LaneBytes)
        {
            ulong value = ReadLane(values + at, TDifference.LaneBytes);
            WriteLane(target + at, TDifference.LaneBytes, TDifference.Encode(value, ReadLane(previous + at, TDifference.LaneBytes)));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Take<TDifference, TSimd, TVector>(byte* values, byte* previous, byte* target, int at, int length)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        for (; at <= length - TSimd.Bytes; at += TSimd.Bytes)
        {
            TSimd.Store(TDifference.Encode<TSimd, TVector>(TSimd.Load(values + at), TSimd.Load(previous + at)), target + at);
        }

        return at;
    }

    private static void Sum<TDifference, TSimd, TVector>(byte* source, byte* target, int length, int stride)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        if (stride >= TSimd.Bytes)
        {
            for (int column = 0; column < stride; column += TSimd.Bytes)
            {
                // The last columns may be partly those before: written twice, the same.
                int from = Math.Min(column, stride - TSimd.Bytes);
                TVector above = TSimd.Zero;
                _ = SumLongRows<TDifference, TSimd, TVector>(source, target, from, length, stride, ref above);
            }

            return;
        }

        TVector sum = TSimd.Zero;
        int at = SumRows<TDifference, TSimd, TVector>(source, target, length, stride, ref sum);
        if (at < length)
        {
            // Whole elements, but less than a vector.
            byte* copy = stackalloc byte[2 * MaxVectorBytes];
            byte* sums = copy + MaxVectorBytes;
            Unsafe.CopyBlockUnaligned(copy, source + at, (uint)(length - at));
            _ = SumRows<TDifference, TSimd, TVector>(copy, sums, TSimd.Bytes, stride, ref sum);
            Unsafe.CopyBlockUnaligned(target + at, sums, (uint)(length - at));
        }
    }

    /// <summary>Elements shorter than a vector, while a vector from the next of them on is within the length; returns where that ends.</summary>
    /// <remarks>The running sum is the last element so far, repeated.</remarks>
    private static int SumRows<TDifference, TSimd, TVector>(byte* source, byte* target, int length, int stride, ref TVector sum)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        stride > TSimd.Bytes / 2
            ? SumLongRows<TDifference, TSimd, TVector>(source, target, 0, length, stride, ref sum)
            : SumShortRows<TDifference, TSimd, TVector>(source, target, length, stride, ref sum);

    /// <summary>One vector of each element; what it has of the next one is overwritten by that one's.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int SumLongRows<TDifference, TSimd, TVector>(
        byte* source, byte* target, int start, int length, int stride, ref TVector sum)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector running = sum;
        int at = start;
        for (; at <= length - TSimd.Bytes; at += stride)
        {
            running = TDifference.Sum<TSimd, TVector>(running, TDifference.Decode<TSimd, TVector>(TSimd.Load(source + at)));
            TSimd.Store(running, target + at);
        }

        sum = running;
        return at;
    }

    /// <summary>Several elements a vector: sums within it in log steps, and the last element before it added to all.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int SumShortRows<TDifference, TSimd, TVector>(byte* source, byte* target, int length, int stride, ref TVector sum)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int rows = TSimd.Bytes / stride;
        TVector last = LastRow<TSimd, TVector>(stride, rows);
        TVector by1 = Later<TSimd, TVector>(stride);
        TVector by2 = Later<TSimd, TVector>(stride * 2);
        TVector by4 = Later<TSimd, TVector>(stride * 4);
        TVector by8 = Later<TSimd, TVector>(stride * 8);
        TVector by16 = Later<TSimd, TVector>(stride * 16);
        TVector by32 = Later<TSimd, TVector>(stride * 32);

        TVector running = sum;
        int at = 0;
        for (; at <= length - TSimd.Bytes; at += rows * stride)
        {
            TVector sums = TDifference.Decode<TSimd, TVector>(TSimd.Load(source + at));
            sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by1));
            if (rows > 2)
            {
                sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by2));
            }

            if (rows > 4)
            {
                sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by4));
            }

            if (rows > 8)
            {
                sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by8));
            }

            if (rows > 16)
            {
                sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by16));
            }

            if (rows > 32)
            {
                sums = TDifference.Sum<TSimd, TVector>(sums, TSimd.PermuteOrZero(sums, by32));
            }

            TSimd.Store(TDifference.Sum<TSimd, TVector>(sums, running), target + at);

            // Not by way of what was stored: from one vector to the next there is but one addition to wait for.
            running = TDifference.Sum<TSimd, TVector>(running, TSimd.Permute(sums, last));
        }

        sum = running;
        return at;
    }

    /// <summary>Indices that move bytes to later places, zeroes before them.</summary>
    private static TVector Later<TSimd, TVector>(int places)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Subtract<byte>(TSimd.Indices, TSimd.Repeat((byte)Math.Min(places, MaxVectorBytes)));

    /// <summary>Indices that repeat the last of the rows in a vector.</summary>
    private static TVector LastRow<TSimd, TVector>(int stride, int rows)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // Indices modulo the stride, by long division: a multiple that was too much wraps to more than there was.
        TVector index = TSimd.Indices;
        for (int multiple = (int)BitOperations.RoundUpToPowerOf2((uint)rows) * stride; multiple >= stride; multiple /= 2)
        {
            index = TSimd.Min<byte>(index, TSimd.Subtract<byte>(index, TSimd.Repeat((byte)multiple)));
        }

        return TSimd.Add<byte>(index, TSimd.Repeat((byte)((rows - 1) * stride)));
    }

    private static void SumScalar<TDifference>(byte* source, byte* target, int length, int stride)
        where TDifference : IDifference
    {
        for (int at = 0; at < length; at += TDifference.LaneBytes)
        {
            ulong previous = at < stride ? 0 : ReadLane(target + at - stride, TDifference.LaneBytes);
            WriteLane(target + at, TDifference.LaneBytes, TDifference.Restore(ReadLane(source + at, TDifference.LaneBytes), previous));
        }
    }

    private static ulong ReadLane(byte* source, int bytes)
    {
        ulong value = 0;
        for (int i = 0; i < bytes; i++)
        {
            value |= (ulong)source[i] << (8 * i);
        }

        return value;
    }

    private static void WriteLane(byte* target, int bytes, ulong value)
    {
        for (int i = 0; i < bytes; i++)
        {
            target[i] = (byte)(value >> (8 * i));
        }
    }
}
