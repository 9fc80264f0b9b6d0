using System.Diagnostics;
using System.Runtime.InteropServices;
using Paging.Codecs;

namespace Paging.Swap;

/// <summary>An entry of the segment table: one cache line, since different threads use different segments.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct Segment
{
    internal const int Size = 64;
    internal const int NoChunk = -1;

    /// <summary>See <see cref="SegmentWord"/>.</summary>
    internal ulong Word;

    /// <summary>Where its memory is, or was. Set before it is opened; a reader's pin keeps the memory its own.</summary>
    internal byte* Address;

    /// <summary>Bytes appended. Its writer's while open; constant once sealed. Of an unused number: the next unused one.</summary>
    internal int Used;

    /// <summary>Units of entries that a descriptor points to. Credited by writer and mover before they publish, debited by whoever
    /// takes a location out of a descriptor. A sealed segment gains none.</summary>
    internal int Live;

    /// <summary>When it was opened, then when it was sealed or last tried to be written, in such events of the pager: the order in which segments grow cold, and the
    /// name of that writing, which no other one has.</summary>
    internal long SealedAt;

    /// <summary>Encoded bytes (low half) and number (high half) of the live entries. Changes with <see cref="Live"/>.</summary>
    internal long Tally;

    /// <summary>What the live entries decode to. Changes with <see cref="Live"/>.</summary>
    internal long Logical;

    /// <summary>Which piece of its log's memory it has, or none. Set before it is opened, and by who lets its memory go.</summary>
    internal int Chunk;

    /// <summary>Its first block in the file.</summary>
    internal uint Block;

    /// <summary>Units of entries loaded since it was sealed or last passed over by writeback; an entry loaded twice counts twice. Beside the
    /// entries and not in them, since what is being written must not change.</summary>
    internal int Loaded;

    /// <summary>The file that it is in or being written to, plus one; 0 for none. Set under the gate of writeback by who writes it, and
    /// pins it meanwhile; cleared by the same when the writing fails, or by who frees the segment.</summary>
    internal ushort File;

    /// <summary>Which log it belongs to. Set before it is opened.</summary>
    internal byte Log;

    /// <summary>Set by a cleaner when the chain of headers is broken: its entries stay readable, but it is not emptied.</summary>
    internal byte Damaged;
}

/// <summary>What stands before each page in a segment, so that a segment describes itself.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal struct EntryHeader
{
    internal const int Size = 24;

    /// <summary>Bits of a length: a raw page of the largest size, and no more.</summary>
    private const int LengthBits = 23;
    private const uint LengthMask = (1u << LengthBits) - 1;

    /// <summary>Index and tag of the descriptor that the entry was made for.</summary>
    internal ulong Id;

    /// <summary>XXH3 of the encoded bytes, mixed with the id and the lengths: see <see cref="Checksum"/>.</summary>
    internal ulong Checksum;

    /// <summary>The encoded length (23 bits), and half of the <see cref="StoredForm"/> above it.</summary>
    internal uint EncodedLengthAndCodec;

    /// <summary>The page's length (23 bits), and the other half.</summary>
    internal uint PageLengthAndStride;

    internal readonly int EncodedLength => (int)(EncodedLengthAndCodec & LengthMask);

    internal readonly int PageLength => (int)(PageLengthAndStride & LengthMask);

    internal readonly StoredForm Form => StoredForm.Unpack(EncodedLengthAndCodec >> LengthBits, PageLengthAndStride >> LengthBits);

    /// <summary>Units of the whole entry, header included.</summary>
    internal readonly int Units => UnitsFor(EncodedLength);

    /// <summary>Whether the encoded bytes behind a header are those that were stored. Its lengths have been found plausible.</summary>
    internal readonly unsafe bool IsIntact()
    {
        fixed (EntryHeader* header = &this)
        {
            return header->ChecksumOf((byte*)(header + 1)) == Checksum;
        }
    }

    /// <summary>What the checksum ought to be when these are the encoded bytes.</summary>
    internal readonly unsafe ulong ChecksumOf(byte* encoded) =>
        PageCodec.Checksum(new ReadOnlySpan<byte>(encoded, EncodedLength), Id, EncodedLengthAndCodec, PageLengthAndStride);

    /// <summary>Fills the header in, its bytes standing behind it already.</summary>
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

/// <summary>What a stored page adds to the sums, or several pages together.</summary>
/// <param name="Entries">Pages.</param>
/// <param name="Units">Of their entries, headers and rounding included.</param>
/// <param name="Encoded">Bytes.</param>
/// <param name="Logical">Bytes that they decode to.</param>
/// <param name="Raw">How many of them are stored as they are.</param>
internal readonly record struct EntrySize(int Entries, int Units, int Encoded, int Logical, int Raw)
{
    internal int Bytes => Units << Location.UnitShift;

    public static EntrySize operator +(in EntrySize left, in EntrySize right) => new(
        left.Entries + right.Entries, left.Units + right.Units, left.Encoded + right.Encoded, left.Logical + right.Logical, left.Raw + right.Raw);

    internal static EntrySize Stored(int units, int encoded, int logical, bool isRaw) => new(1, units, encoded, logical, isRaw ? 1 : 0);

    /// <summary>Of a page compressed anew since it was stored: its encoded length is counted up to the end of its last unit.</summary>
    internal static EntrySize Recompressed(int units, int logical) => new(1, units, (units << Location.UnitShift) - EntryHeader.Size, logical, Raw: 0);
}
