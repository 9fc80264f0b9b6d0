using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Elements into their differences to the element before, and back. The element before the first counts as zeroes.</summary>
/// <remarks>Source and target must not overlap: running sums are stored by vectors that reach into the next elements, whose differences are
/// still to be read.</remarks>
internal static unsafe class Differences
{
    private const int MaxVectorBytes = 64;

    /// <summary>Takes differences of whole elements: the length is a multiple of the stride, and the stride a multiple of the
    /// lane.</summary>
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
                // Some of the lanes before are covered a second time, and the same bytes are written.
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
                // The last columns may overlap those before them, which are then written twice, with the same bytes.
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
            // What is left is whole elements, but shorter than a vector.
            byte* copy = stackalloc byte[2 * MaxVectorBytes];
            byte* sums = copy + MaxVectorBytes;
            Unsafe.CopyBlockUnaligned(copy, source + at, (uint)(length - at));
            _ = SumRows<TDifference, TSimd, TVector>(copy, sums, TSimd.Bytes, stride, ref sum);
            Unsafe.CopyBlockUnaligned(target + at, sums, (uint)(length - at));
        }
    }

    /// <summary>Sums elements that are shorter than a vector, as long as a vector that begins at the next of them is within the
    /// length.</summary>
    /// <remarks>The running sum is the last element so far, repeated.</remarks>
    /// <returns>Where that ends.</returns>
    private static int SumRows<TDifference, TSimd, TVector>(byte* source, byte* target, int length, int stride, ref TVector sum)
        where TDifference : IDifference
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        stride > TSimd.Bytes / 2
            ? SumLongRows<TDifference, TSimd, TVector>(source, target, 0, length, stride, ref sum)
            : SumShortRows<TDifference, TSimd, TVector>(source, target, length, stride, ref sum);

    /// <summary>One vector for each element. Where it reaches into the next element, the vector of that element overwrites it.</summary>
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

    /// <summary>Several elements in each vector: sums within the vector, in a logarithmic number of steps, then the last element before it
    /// is added to all of them.</summary>
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

            // Computed apart from what was stored, so that the next vector has to wait for one addition only.
            running = TDifference.Sum<TSimd, TVector>(running, TSimd.Permute(sums, last));
        }

        sum = running;
        return at;
    }

    /// <summary>Indices that move bytes to later places, with zeroes in front of them.</summary>
    private static TVector Later<TSimd, TVector>(int places)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Subtract<byte>(TSimd.Indices, TSimd.Repeat((byte)Math.Min(places, MaxVectorBytes)));

    /// <summary>Indices that repeat the last of the rows in a vector.</summary>
    private static TVector LastRow<TSimd, TVector>(int stride, int rows)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // Indices modulo the stride, by long division. Where a multiple is too large, the difference wraps around to more than the index,
        // and the smaller of the two is kept.
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
