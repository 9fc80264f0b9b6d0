using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>A page that a <see cref="FrameForecast"/> knows: 16 bytes, under its lock.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct SampledPage
{
    private const int Bytes = 16;

    /// <summary>Bits of the hash other than those that pages are sampled by.</summary>
    internal uint Fingerprint;

    /// <summary>What each set keeps of it.</summary>
    internal ushort First;
    internal ushort Second;
    internal ushort Third;

    /// <summary>The next page of the bucket, or without a page.</summary>
    internal ushort Next;
    internal ushort LastUse;

    internal readonly bool IsKnown => (First | Second | Third) != 0;
}
