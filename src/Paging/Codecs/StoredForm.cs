using System.Diagnostics;
using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>How the bytes of a stored page are to be read. The header of each entry says it, so that a page stays readable whatever its
/// owner decides later.</summary>
/// <remarks>The layout of a stored page is that of <see cref="Swap.EntryHeader"/>, which has both halves of this, with the encoded bytes
/// behind it.</remarks>
/// <param name="Codec">The codec.</param>
/// <param name="Filter">What the page went through before the codec.</param>
/// <param name="StaysAsIs">Whether the page is not to be compressed again when it has gone cold.</param>
/// <param name="IsRecompressed">Whether it was compressed again when it had gone cold.</param>
internal readonly record struct StoredForm(Codec Codec, Filter Filter, bool StaysAsIs = false, bool IsRecompressed = false)
{
    /// <summary>Bits of each half of the packed form.</summary>
    internal const int HalfBits = 9;

    internal static StoredForm Raw => new(Codec.Raw, Filter.None);

    internal bool IsValid => Codec <= Codec.Zstd && Filter.IsValid && (Codec != Codec.Raw || Filter.Kind == FilterKind.None);

    /// <summary>codec (2) | filter (3) | lane (2) | stays (1) | recompressed (1).</summary>
    internal uint PackCodec() =>
        (uint)Codec | ((uint)Filter.Kind << 2) | ((uint)int.Log2(Filter.LaneBytes) << 5)
        | (StaysAsIs ? 1u << 7 : 0) | (IsRecompressed ? 1u << 8 : 0);

    /// <summary>The stride, less one.</summary>
    internal uint PackStride()
    {
        Debug.Assert(Filter.Stride is >= 1 and <= 1 << HalfBits, "a stride that does not fit the header");
        return (uint)Filter.Stride - 1;
    }

    /// <summary>Both halves in one word.</summary>
    internal uint Pack() => PackCodec() | (PackStride() << HalfBits);

    internal static StoredForm Unpack(uint packed) => Unpack(packed & ((1u << HalfBits) - 1), packed >> HalfBits);

    /// <summary>The form of two halves of a header; not valid if they are damaged.</summary>
    internal static StoredForm Unpack(uint codec, uint stride) => new(
        (Codec)(codec & 3),
        new Filter((FilterKind)((codec >> 2) & 7), (int)stride + 1, 1 << (int)((codec >> 5) & 3)),
        (codec & (1u << 7)) != 0,
        (codec & (1u << 8)) != 0);
}
