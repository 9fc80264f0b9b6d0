using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;

namespace Paging.Codecs.Filters;

/// <summary>Vectors of one width as rows of 16-byte lanes, so that a kernel is written once for all widths.</summary>
/// <remarks>An instruction for 128 bits does the same in every lane of a wider vector. So a kernel for 16 elements is also one for 32 or
/// 64, whose lanes hold consecutive runs of 16. The type arguments are structs, so that the compiler makes code without calls for each
/// width.</remarks>
/// <typeparam name="TVector">The vector of bytes.</typeparam>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    static abstract int Bytes { get; }

    static abstract int Lanes { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Load(byte* source);

    static abstract void Store(TVector value, byte* target);

    /// <summary>Lane i from <paramref name="source"/> + i · <paramref name="pitch"/>.</summary>
    static abstract TVector LoadLanes(byte* source, nint pitch);

    static abstract Vector128<byte> Lane(TVector value, [ConstantExpected] byte lane);

    /// <summary>The same 16 bytes in every lane.</summary>
    static abstract TVector RepeatLane(byte* lane);

    /// <summary>Bytes of each lane by index into that lane; an index with its top bit set gives 0.</summary>
    static abstract TVector ShuffleLanes(TVector value, TVector indices);

    /// <summary>Bytes of the whole vector by index, which is below <see cref="Bytes"/>.</summary>
    static abstract TVector Permute(TVector value, TVector indices);

    /// <summary>Bytes of the whole vector by index, which is below <see cref="Bytes"/>, or has its top bit set for 0.</summary>
    static abstract TVector PermuteOrZero(TVector value, TVector indices);

    /// <summary>0, 1, 2 and so on.</summary>
    static abstract TVector Indices { get; }

    /// <summary>Units of the lower halves of the lanes, alternating.</summary>
    static abstract TVector UnpackLow<TUnit>(TVector left, TVector right)
        where TUnit : unmanaged;

    /// <summary>Units of the upper halves of the lanes, alternating.</summary>
    static abstract TVector UnpackHigh<TUnit>(TVector left, TVector right)
        where TUnit : unmanaged;

    static abstract TVector Repeat<T>(T value)
        where T : unmanaged;

    static abstract TVector And(TVector left, TVector right);

    static abstract TVector Xor(TVector left, TVector right);

    static abstract TVector Add<T>(TVector left, TVector right)
        where T : unmanaged;

    static abstract TVector Subtract<T>(TVector left, TVector right)
        where T : unmanaged;

    static abstract TVector Min<T>(TVector left, TVector right)
        where T : unmanaged;

    static abstract TVector Max<T>(TVector left, TVector right)
        where T : unmanaged;

    /// <summary>All ones where true.</summary>
    static abstract TVector LessThan<T>(TVector left, TVector right)
        where T : unmanaged;

    static abstract TVector ShiftLeft<T>(TVector value, int count)
        where T : unmanaged;

    /// <summary>Shifts zeroes in, whether or not <typeparamref name="T"/> is signed.</summary>
    static abstract TVector ShiftRight<T>(TVector value, int count)
        where T : unmanaged;

    /// <summary>Each byte of <paramref name="vectors"/> times the 8 × 8 bits at its place; GFNI only.</summary>
    static abstract TVector MultiplyBits(TVector vectors, TVector matrices);

    /// <summary>The sum of all bytes.</summary>
    static abstract int SumBytes(TVector value);
}
