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

    /// <summary>AVX-512 VBMI and GFNI as well: permutations of bytes across a whole vector, and bit matrices.</summary>
    Avx512Vbmi,
}

/// <summary>What the machine can run.</summary>
internal static class SimdLevels
{
    /// <summary>What this machine can run, as far as switches of the runtime such as DOTNET_EnableAVX2 allow it.</summary>
    internal static SimdLevel Supported =>
        !Vector128.IsHardwareAccelerated || !(Ssse3.IsSupported || AdvSimd.Arm64.IsSupported) ? SimdLevel.Scalar
        : !Avx2.IsSupported ? SimdLevel.Vector128
        : !Avx512BW.VL.IsSupported ? SimdLevel.Avx2
        : !(Avx512Vbmi.IsSupported && Gfni.V512.IsSupported) ? SimdLevel.Avx512
        : SimdLevel.Avx512Vbmi;

    /// <summary>What is used. Vectors of 512 bits are used only where the runtime does not expect them to slow the processor
    /// down.</summary>
    internal static SimdLevel Preferred =>
        Supported > SimdLevel.Avx2 && !Vector512.IsHardwareAccelerated ? SimdLevel.Avx2 : Supported;
}
