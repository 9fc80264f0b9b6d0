using System.Numerics;
using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>How an element is expressed by its difference to the element before, lane by lane, for vectors and for single lanes.</summary>
internal interface IDifference
{
    /// <summary>Bytes of a lane.</summary>
    static abstract int LaneBytes { get; }

    /// <summary>What is stored of a value, given the one before.</summary>
    static abstract TVector Encode<TSimd, TVector>(TVector value, TVector previous)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>The difference that was stored, in the form that <see cref="Sum"/> takes.</summary>
    static abstract TVector Decode<TSimd, TVector>(TVector stored)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>The running sum of decoded differences. It is associative, so that parts can be summed first.</summary>
    static abstract TVector Sum<TSimd, TVector>(TVector left, TVector right)
        where TSimd : ISimd<TVector>
        where TVector : struct;

    /// <summary>What is stored of one lane, given the one before.</summary>
    static abstract ulong Encode(ulong value, ulong previous);

    /// <summary>One lane from what was stored of it, and the one before.</summary>
    static abstract ulong Restore(ulong stored, ulong previous);
}

/// <summary>Differences of numbers, zigzagged: the upper bits of small differences are zeroes, whatever the sign.</summary>
/// <typeparam name="T">The signed number of the lane's width.</typeparam>
internal readonly struct ZigzagDifference<T> : IDifference
    where T : unmanaged, IBinaryInteger<T>
{
    public static int LaneBytes => Unsafe.SizeOf<T>();

    private static int TopBit => (8 * Unsafe.SizeOf<T>()) - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Encode<TSimd, TVector>(TVector value, TVector previous)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector difference = TSimd.Subtract<T>(value, previous);
        TVector sign = TSimd.LessThan<T>(difference, TSimd.Zero);
        return TSimd.Xor(TSimd.Add<T>(difference, difference), sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Decode<TSimd, TVector>(TVector stored)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector sign = TSimd.Subtract<T>(TSimd.Zero, TSimd.And(stored, TSimd.Repeat(T.One)));
        return TSimd.Xor(TSimd.ShiftRight<T>(stored, 1), sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sum<TSimd, TVector>(TVector left, TVector right)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Add<T>(left, right);

    public static ulong Encode(ulong value, ulong previous)
    {
        T difference = T.CreateTruncating(value - previous);
        return ulong.CreateTruncating((difference << 1) ^ (difference >> TopBit));
    }

    public static ulong Restore(ulong stored, ulong previous) => previous + ((stored >> 1) ^ (0 - (stored & 1)));
}

/// <summary>The bits that differ. For floating-point numbers: neighbours share their sign, exponent and upper bits of the
/// mantissa.</summary>
internal readonly struct XorDifference : IDifference
{
    public static int LaneBytes => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Encode<TSimd, TVector>(TVector value, TVector previous)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Xor(value, previous);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Decode<TSimd, TVector>(TVector stored)
        where TSimd : ISimd<TVector>
        where TVector : struct => stored;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sum<TSimd, TVector>(TVector left, TVector right)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Xor(left, right);

    public static ulong Encode(ulong value, ulong previous) => value ^ previous;

    public static ulong Restore(ulong stored, ulong previous) => stored ^ previous;
}
