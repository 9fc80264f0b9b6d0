using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>Interleaves the contents of registers: the step that the kernels of all widths transpose by.</summary>
internal static class Zipper
{
    /// <summary>Zips pairs of registers at distances n/2, n/4 … 1. The bits of the index among the registers have then changed places with
    /// the topmost bits of the index within a register, and the registers are in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ZipAll<TSimd, TVector, TUnit>(ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v2);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v3);

        Zip<TSimd, TVector, TUnit>(ref v0, ref v1);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ZipAll<TSimd, TVector, TUnit>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v4);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v5);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v6);
        Zip<TSimd, TVector, TUnit>(ref v3, ref v7);

        ZipAll<TSimd, TVector, TUnit>(ref v0, ref v1, ref v2, ref v3);
        ZipAll<TSimd, TVector, TUnit>(ref v4, ref v5, ref v6, ref v7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ZipAll<TSimd, TVector, TUnit>(
        ref TVector v0, ref TVector v1, ref TVector v2, ref TVector v3, ref TVector v4, ref TVector v5, ref TVector v6, ref TVector v7,
        ref TVector v8, ref TVector v9, ref TVector v10, ref TVector v11,
        ref TVector v12, ref TVector v13, ref TVector v14, ref TVector v15)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        Zip<TSimd, TVector, TUnit>(ref v0, ref v8);
        Zip<TSimd, TVector, TUnit>(ref v1, ref v9);
        Zip<TSimd, TVector, TUnit>(ref v2, ref v10);
        Zip<TSimd, TVector, TUnit>(ref v3, ref v11);
        Zip<TSimd, TVector, TUnit>(ref v4, ref v12);
        Zip<TSimd, TVector, TUnit>(ref v5, ref v13);
        Zip<TSimd, TVector, TUnit>(ref v6, ref v14);
        Zip<TSimd, TVector, TUnit>(ref v7, ref v15);

        ZipAll<TSimd, TVector, TUnit>(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7);
        ZipAll<TSimd, TVector, TUnit>(ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15);
    }

    /// <summary>The units of both, alternating: the lower half to the left one, the upper to the right one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Zip<TSimd, TVector, TUnit>(ref TVector left, ref TVector right)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TUnit : unmanaged
    {
        TVector low = TSimd.UnpackLow<TUnit>(left, right);
        right = TSimd.UnpackHigh<TUnit>(left, right);
        left = low;
    }
}
