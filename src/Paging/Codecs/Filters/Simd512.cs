using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Paging.Codecs.Filters;

/// <summary>Four lanes: AVX-512 F and BW; <see cref="Permute"/> asks for VBMI.</summary>
internal readonly unsafe struct Simd512 : ISimd<Vector512<byte>>
{
    public static int Bytes => Vector512<byte>.Count;

    public static int Lanes => 4;

    public static Vector512<byte> Zero => Vector512<byte>.Zero;

    public static Vector512<byte> Indices => Vector512<byte>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(byte* source) =>
        Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<byte> value, byte* target) =>
        value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> LoadLanes(byte* source, nint pitch) =>
        Vector512.Create(Simd256.LoadLanes(source, pitch), Simd256.LoadLanes(source + (2 * pitch), pitch));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Lane(Vector512<byte> value, [ConstantExpected] byte lane) =>
        Avx512F.ExtractVector128(value, lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> RepeatLane(byte* lane) =>
        Vector512.Create(Vector128.Load(lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> ShuffleLanes(Vector512<byte> value, Vector512<byte> indices) =>
        Avx512BW.Shuffle(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Permute(Vector512<byte> value, Vector512<byte> indices) =>
        Avx512Vbmi.PermuteVar64x8(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> PermuteOrZero(Vector512<byte> value, Vector512<byte> indices) =>
        Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(indices.AsSByte(), Vector512<sbyte>.Zero).AsByte(),
            Permute(value, indices),
            Vector512<byte>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> UnpackLow<TUnit>(Vector512<byte> left, Vector512<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Avx512BW.UnpackLow(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Avx512BW.UnpackLow(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Avx512F.UnpackLow(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Avx512F.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> UnpackHigh<TUnit>(Vector512<byte> left, Vector512<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Avx512BW.UnpackHigh(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Avx512BW.UnpackHigh(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Avx512F.UnpackHigh(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Avx512F.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Repeat<T>(T value)
        where T : unmanaged =>
        Vector512.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> And(Vector512<byte> left, Vector512<byte> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Xor(Vector512<byte> left, Vector512<byte> right) =>
        left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Add<T>(Vector512<byte> left, Vector512<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() + right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Subtract<T>(Vector512<byte> left, Vector512<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() - right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Min<T>(Vector512<byte> left, Vector512<byte> right)
        where T : unmanaged =>
        Vector512.Min(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Max<T>(Vector512<byte> left, Vector512<byte> right)
        where T : unmanaged =>
        Vector512.Max(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> LessThan<T>(Vector512<byte> left, Vector512<byte> right)
        where T : unmanaged =>
        Vector512.LessThan(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> ShiftLeft<T>(Vector512<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() << count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> ShiftRight<T>(Vector512<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() >>> count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> MultiplyBits(Vector512<byte> vectors, Vector512<byte> matrices) =>
        Gfni.V512.GaloisFieldAffineTransform(vectors, matrices, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumBytes(Vector512<byte> value)
    {
        (Vector512<ushort> lower, Vector512<ushort> upper) = Vector512.Widen(value);
        return Vector512.Sum(lower + upper);
    }
}
