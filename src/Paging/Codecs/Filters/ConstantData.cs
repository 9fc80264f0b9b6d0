using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Codecs.Filters;

/// <summary>Constants that kernels load by address.</summary>
internal static unsafe class ConstantData
{
    /// <summary>The address of bytes that never move.</summary>
    /// <param name="constants">From a property that is a list of constant bytes: they are part of the image.</param>
    internal static byte* Address(ReadOnlySpan<byte> constants) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(constants));
}
