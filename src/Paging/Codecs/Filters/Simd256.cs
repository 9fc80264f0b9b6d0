using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Paging.Codecs.Filters;

/// <summary>Two lanes: AVX2, which has no bytes by index across lanes: what permutes is not used with it.</summary>
internal readonly unsafe struct Simd256 : ISimd<Vector256<byte>>
{
    public static int Bytes => Vector256<byte>.Count;

    public static int Lanes => 2;

    public static Vector256<byte> Zero => Vector256<byte>.Zero;

    public static Vector256<byte> Indices => Vector256<byte>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* source) =>
        Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<byte> value, byte* target) =>
        value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> LoadLanes(byte* source, nint pitch) =>
        Vector256.Create(Vector128.Load(source), Vector128.Load(source + pitch));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Lane(Vector256<byte> value, [ConstantExpected] byte lane) =>
        lane == 0 ? value.GetLower() : value.GetUpper();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> RepeatLane(byte* lane) =>
        Vector256.Create(Vector128.Load(lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> ShuffleLanes(Vector256<byte> value, Vector256<byte> indices) =>
        Avx2.Shuffle(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Permute(Vector256<byte> value, Vector256<byte> indices) =>
        throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> PermuteOrZero(Vector256<byte> value, Vector256<byte> indices) =>
        throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> UnpackLow<TUnit>(Vector256<byte> left, Vector256<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Avx2.UnpackLow(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Avx2.UnpackLow(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Avx2.UnpackLow(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Avx2.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> UnpackHigh<TUnit>(Vector256<byte> left, Vector256<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Avx2.UnpackHigh(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Avx2.UnpackHigh(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Avx2.UnpackHigh(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Avx2.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Repeat<T>(T value)
        where T : unmanaged =>
        Vector256.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> And(Vector256<byte> left, Vector256<byte> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Xor(Vector256<byte> left, Vector256<byte> right) =>
        left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Add<T>(Vector256<byte> left, Vector256<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() + right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Subtract<T>(Vector256<byte> left, Vector256<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() - right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Min<T>(Vector256<byte> left, Vector256<byte> right)
        where T : unmanaged =>
        Vector256.Min(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Max<T>(Vector256<byte> left, Vector256<byte> right)
        where T : unmanaged =>
        Vector256.Max(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> LessThan<T>(Vector256<byte> left, Vector256<byte> right)
        where T : unmanaged =>
        Vector256.LessThan(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> ShiftLeft<T>(Vector256<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() << count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> ShiftRight<T>(Vector256<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() >>> count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> MultiplyBits(Vector256<byte> vectors, Vector256<byte> matrices) =>
        Gfni.V256.GaloisFieldAffineTransform(vectors, matrices, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumBytes(Vector256<byte> value)
    {
        (Vector256<ushort> lower, Vector256<ushort> upper) = Vector256.Widen(value);
        return Vector256.Sum(lower + upper);
    }
}
