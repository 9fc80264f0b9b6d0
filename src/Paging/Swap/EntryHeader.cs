using System.Diagnostics;
using System.Runtime.InteropServices;
using Paging.Codecs;

namespace Paging.Swap;

/// <summary>The header before each page in a segment, so that a segment describes itself.</summary>
/// <remarks>Lengths and the two halves of the <see cref="StoredForm"/> share words; behind the header stand the encoded bytes, as
/// <see cref="PageCodec"/> writes them. An entry ends with a whole unit.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal struct EntryHeader
{
    internal const int Size = 24;

    /// <summary>Bits of a length: just enough for a raw page of the largest size.</summary>
    private const int LengthBits = 23;
    private const uint LengthMask = (1u << LengthBits) - 1;

    /// <summary>Index and tag of the descriptor that the entry was made for.</summary>
    internal ulong Id;

    /// <summary>XXH3 of the encoded bytes, mixed with the id and the lengths: see <see cref="Checksum"/>.</summary>
    internal ulong Checksum;

    /// <summary>The encoded length (23 bits), and half of the <see cref="StoredForm"/> above it.</summary>
    internal uint EncodedLengthAndCodec;

    /// <summary>The page's length (23 bits), and the other half of the <see cref="StoredForm"/> above it.</summary>
    internal uint PageLengthAndStride;

    internal readonly int EncodedLength => (int)(EncodedLengthAndCodec & LengthMask);

    internal readonly int PageLength => (int)(PageLengthAndStride & LengthMask);

    internal readonly StoredForm Form => StoredForm.Unpack(EncodedLengthAndCodec >> LengthBits, PageLengthAndStride >> LengthBits);

    /// <summary>Units of the whole entry, header included.</summary>
    internal readonly int Units => UnitsFor(EncodedLength);

    /// <summary>Whether the encoded bytes behind the header are those that were stored. The caller has found the header's lengths
    /// plausible.</summary>
    internal readonly unsafe bool IsIntact()
    {
        fixed (EntryHeader* header = &this)
        {
            return header->ChecksumOf((byte*)(header + 1)) == Checksum;
        }
    }

    /// <summary>The checksum that the header must have if these are the encoded bytes.</summary>
    internal readonly unsafe ulong ChecksumOf(byte* encoded) =>
        PageCodec.Checksum(new ReadOnlySpan<byte>(encoded, EncodedLength), Id, EncodedLengthAndCodec, PageLengthAndStride);

    /// <summary>Fills the header in. The encoded bytes already stand behind it.</summary>
    internal unsafe void Write(ulong id, int encodedLength, int pageLength, StoredForm form)
    {
        Debug.Assert((uint)encodedLength <= LengthMask && (uint)pageLength <= LengthMask, "a length that does not fit the header");
        Id = id;
        EncodedLengthAndCodec = (uint)encodedLength | (form.PackCodec() << LengthBits);
        PageLengthAndStride = (uint)pageLength | (form.PackStride() << LengthBits);
        fixed (EntryHeader* header = &this)
        {
            Checksum = header->ChecksumOf((byte*)(header + 1));
        }
    }

    internal static int UnitsFor(int encodedLength) => (Size + encodedLength + 15) >> Location.UnitShift;
}
