using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Paging.Codecs.Filters;

/// <summary>The instructions that a filter may use. A level includes those below it; the result is the same at each.</summary>
internal enum SimdLevel
{
    Scalar,

    /// <summary>SSSE3, or NEON on Arm64.</summary>
    Vector128,

    Avx2,

    /// <summary>AVX-512 F, BW and VL.</summary>
    Avx512,

    /// <summary>And VBMI and GFNI: permutations of bytes across a whole vector, and bit matrices.</summary>
    Avx512Vbmi,
}

internal static class SimdLevels
{
    /// <summary>What this machine runs. The runtime's switches, such as DOTNET_EnableAVX2, bind it.</summary>
    internal static SimdLevel Supported =>
        !Vector128.IsHardwareAccelerated || !(Ssse3.IsSupported || AdvSimd.Arm64.IsSupported) ? SimdLevel.Scalar
        : !Avx2.IsSupported ? SimdLevel.Vector128
        : !Avx512BW.VL.IsSupported ? SimdLevel.Avx2
        : !(Avx512Vbmi.IsSupported && Gfni.V512.IsSupported) ? SimdLevel.Avx512
        : SimdLevel.Avx512Vbmi;

    /// <summary>What is used: 512 bits only where the runtime does not hold them to slow the processor down.</summary>
    internal static SimdLevel Preferred =>
        Supported > SimdLevel.Avx2 && !Vector512.IsHardwareAccelerated ? SimdLevel.Avx2 : Supported;
}
