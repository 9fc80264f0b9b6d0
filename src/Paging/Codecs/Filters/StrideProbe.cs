using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>What data would cost as differences at some distance. The cost is low where the distance is the length of the
/// records.</summary>
internal static unsafe class StrideProbe
{
    // So many costs of at most 8 bits each can be added up in one byte.
    private const int MaxVectorsInByte = byte.MaxValue / 8;

    /// <summary>The sum of the significant bits (0 to 8 each) of the zigzagged differences between bytes and those a lag before.</summary>
    /// <remarks>The lag is at least 1; 0 comes out when the length does not exceed it.</remarks>
    internal static int BitCost(byte* source, int length, int lag) => BitCost(source, length, lag, SimdLevels.Preferred);

    /// <summary>The same, with the instructions of a level and no others.</summary>
    internal static int BitCost(byte* source, int length, int lag, SimdLevel level)
    {
        int cost = 0;
        int at = lag;
        if (level >= SimdLevel.Avx512)
        {
            cost += BitCost<Simd512, Vector512<byte>>(source, length, lag, ref at);
        }

        if (level >= SimdLevel.Avx2)
        {
            cost += BitCost<Simd256, Vector256<byte>>(source, length, lag, ref at);
        }

        if (level >= SimdLevel.Vector128)
        {
            cost += BitCost<Simd128, Vector128<byte>>(source, length, lag, ref at);
        }

        for (; at < length; at++)
        {
            int difference = (sbyte)(source[at] - source[at - lag]);
            cost += 32 - BitOperations.LeadingZeroCount((uint)(byte)((difference << 1) ^ (difference >> 7)));
        }

        return cost;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int BitCost<TSimd, TVector>(byte* source, int length, int lag, ref int start)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector lowCosts = TSimd.RepeatLane(ConstantData.Address(LowCosts));
        TVector highCosts = TSimd.RepeatLane(ConstantData.Address(HighCosts));
        TVector nibble = TSimd.Repeat((byte)0x0F);
        int cost = 0;
        int at = start;
        while (at <= length - TSimd.Bytes)
        {
            int end = Math.Min(length, at + (MaxVectorsInByte * TSimd.Bytes)) - TSimd.Bytes;
            TVector costs = TSimd.Zero;
            for (; at <= end; at += TSimd.Bytes)
            {
                TVector zigzag = ZigzagDifference<sbyte>.Encode<TSimd, TVector>(TSimd.Load(source + at), TSimd.Load(source + at - lag));
                TVector low = TSimd.ShuffleLanes(lowCosts, TSimd.And(zigzag, nibble));
                TVector high = TSimd.ShuffleLanes(highCosts, TSimd.And(TSimd.ShiftRight<ushort>(zigzag, 4), nibble));
                costs = TSimd.Add<byte>(costs, TSimd.Max<byte>(low, high));
            }

            cost += TSimd.SumBytes(costs);
        }

        start = at;
        return cost;
    }

    // Significant bits of a byte whose upper half is zero, by its lower half; and of the others, by their upper half.
    private static ReadOnlySpan<byte> LowCosts => [0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4];

    private static ReadOnlySpan<byte> HighCosts => [0, 5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8];
}
