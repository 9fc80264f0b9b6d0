using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Codecs.Filters;

internal static unsafe class ConstantData
{
    /// <param name="constants">Of a property that is a list of constant bytes: they are part of the image, and do not move.</param>
    internal static byte* Address(ReadOnlySpan<byte> constants) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(constants));
}
