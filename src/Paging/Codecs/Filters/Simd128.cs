using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Paging.Codecs.Filters;

/// <summary>One lane: SSSE3, or NEON on Arm64.</summary>
internal readonly unsafe struct Simd128 : ISimd<Vector128<byte>>
{
    public static int Bytes => Vector128<byte>.Count;

    public static int Lanes => 1;

    public static Vector128<byte> Zero => Vector128<byte>.Zero;

    public static Vector128<byte> Indices => Vector128<byte>.Indices;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* source) =>
        Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> value, byte* target) =>
        value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LoadLanes(byte* source, nint pitch) =>
        Vector128.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Lane(Vector128<byte> value, [ConstantExpected] byte lane) =>
        value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> RepeatLane(byte* lane) =>
        Vector128.Load(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShuffleLanes(Vector128<byte> value, Vector128<byte> indices) =>
        Ssse3.IsSupported ? Ssse3.Shuffle(value, indices) : AdvSimd.Arm64.VectorTableLookup(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Permute(Vector128<byte> value, Vector128<byte> indices) =>
        ShuffleLanes(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> PermuteOrZero(Vector128<byte> value, Vector128<byte> indices) =>
        ShuffleLanes(value, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> UnpackLow<TUnit>(Vector128<byte> left, Vector128<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackLow(left.AsByte(), right.AsByte()).AsByte()
                : AdvSimd.Arm64.ZipLow(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackLow(left.AsUInt16(), right.AsUInt16()).AsByte()
                : AdvSimd.Arm64.ZipLow(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackLow(left.AsUInt32(), right.AsUInt32()).AsByte()
                : AdvSimd.Arm64.ZipLow(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Sse2.IsSupported
            ? Sse2.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsByte()
            : AdvSimd.Arm64.ZipLow(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> UnpackHigh<TUnit>(Vector128<byte> left, Vector128<byte> right)
        where TUnit : unmanaged
    {
        if (typeof(TUnit) == typeof(byte))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackHigh(left.AsByte(), right.AsByte()).AsByte()
                : AdvSimd.Arm64.ZipHigh(left.AsByte(), right.AsByte()).AsByte();
        }

        if (typeof(TUnit) == typeof(ushort))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackHigh(left.AsUInt16(), right.AsUInt16()).AsByte()
                : AdvSimd.Arm64.ZipHigh(left.AsUInt16(), right.AsUInt16()).AsByte();
        }

        if (typeof(TUnit) == typeof(uint))
        {
            return Sse2.IsSupported
                ? Sse2.UnpackHigh(left.AsUInt32(), right.AsUInt32()).AsByte()
                : AdvSimd.Arm64.ZipHigh(left.AsUInt32(), right.AsUInt32()).AsByte();
        }

        return Sse2.IsSupported
            ? Sse2.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsByte()
            : AdvSimd.Arm64.ZipHigh(left.AsUInt64(), right.AsUInt64()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Repeat<T>(T value)
        where T : unmanaged =>
        Vector128.Create(value).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> And(Vector128<byte> left, Vector128<byte> right) =>
        left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Xor(Vector128<byte> left, Vector128<byte> right) =>
        left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Add<T>(Vector128<byte> left, Vector128<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() + right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Subtract<T>(Vector128<byte> left, Vector128<byte> right)
        where T : unmanaged =>
        (left.As<byte, T>() - right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Min<T>(Vector128<byte> left, Vector128<byte> right)
        where T : unmanaged =>
        Vector128.Min(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Max<T>(Vector128<byte> left, Vector128<byte> right)
        where T : unmanaged =>
        Vector128.Max(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LessThan<T>(Vector128<byte> left, Vector128<byte> right)
        where T : unmanaged =>
        Vector128.LessThan(left.As<byte, T>(), right.As<byte, T>()).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShiftLeft<T>(Vector128<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() << count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShiftRight<T>(Vector128<byte> value, int count)
        where T : unmanaged =>
        (value.As<byte, T>() >>> count).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> MultiplyBits(Vector128<byte> vectors, Vector128<byte> matrices) =>
        Gfni.GaloisFieldAffineTransform(vectors, matrices, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumBytes(Vector128<byte> value)
    {
        (Vector128<ushort> lower, Vector128<ushort> upper) = Vector128.Widen(value);
        return Vector128.Sum(lower + upper);
    }
}
