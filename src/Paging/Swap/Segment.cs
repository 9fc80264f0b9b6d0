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

    /// <summary>The address of its memory, now or at last. Set before it is opened. A reader's pin keeps the memory with this
    /// segment.</summary>
    internal byte* Address;

    /// <summary>Bytes appended. Changed by its writer while open; constant once sealed. In an unused number: the next unused
    /// number.</summary>
    internal int Used;

    /// <summary>Units of entries that a descriptor points to. Credited by writer and mover before they publish, debited by the thread that
    /// takes a location out of a descriptor. A sealed segment gains none.</summary>
    internal int Live;

    /// <summary>The number of the event in which it was opened, then sealed, then last tried to be written, counted over the pager. It is
    /// its place in the order in which segments grow cold, and the stamp of that write, which no other write has.</summary>
    internal long SealedAt;

    /// <summary>Encoded bytes (low half) and number (high half) of the live entries. Changes with <see cref="Live"/>.</summary>
    internal long Tally;

    /// <summary>Bytes that the live entries decode to. Changes with <see cref="Live"/>.</summary>
    internal long Logical;

    /// <summary>The chunk of its log's memory that it has, or none. Set before it is opened, and by the thread that gives back its
    /// memory.</summary>
    internal int Chunk;

    /// <summary>Its first block in the file.</summary>
    internal uint Block;

    /// <summary>Units of entries loaded since it was sealed or last passed over by writeback; an entry loaded twice counts twice. Kept here
    /// and not in the entries, since a segment must not change while it is being written.</summary>
    internal int Loaded;

    /// <summary>The file that it is in or being written to, plus one; 0 for none. Set under the gate of writeback by the thread that writes
    /// the segment and pins it meanwhile. Cleared by the same write when it fails, or by the thread that frees the segment.</summary>
    internal ushort File;

    /// <summary>The number of its log. Set before it is opened.</summary>
    internal byte Log;

    /// <summary>Set by a cleaner that cannot tell the entries apart, or cannot read one of them. They stay readable by their descriptors,
    /// but the segment is not chosen to be emptied.</summary>
    internal byte Damaged;
}

/// <summary>The header before each page in a segment, so that a segment describes itself.</summary>
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

/// <summary>The size that a stored page, or several pages together, add to the sums.</summary>
/// <param name="Entries">The number of pages.</param>
/// <param name="Units">Units of their entries, headers and rounding included.</param>
/// <param name="Encoded">Bytes that they are encoded to.</param>
/// <param name="Logical">Bytes that they decode to.</param>
/// <param name="Raw">How many of them are stored raw.</param>
/// <param name="RedundantUnits">Units of those that are redundant.</param>
/// <param name="RedundantEncoded">Bytes that the redundant ones are encoded to.</param>
internal readonly record struct EntrySize(
    int Entries, int Units, int Encoded, int Logical, int Raw, int RedundantUnits, int RedundantEncoded)
{
    internal int Bytes => Units << Location.UnitShift;

    public static EntrySize operator +(in EntrySize left, in EntrySize right) => new(
        left.Entries + right.Entries,
        left.Units + right.Units,
        left.Encoded + right.Encoded,
        left.Logical + right.Logical,
        left.Raw + right.Raw,
        left.RedundantUnits + right.RedundantUnits,
        left.RedundantEncoded + right.RedundantEncoded);

    internal static EntrySize Stored(int units, int encoded, int logical, bool isRaw, bool isRedundant = false) =>
        new(1, units, encoded, logical, isRaw ? 1 : 0, isRedundant ? units : 0, isRedundant ? encoded : 0);

    /// <summary>The size of a page that was compressed anew since it was stored. Its encoded length is counted up to the end of its last
    /// unit.</summary>
    internal static EntrySize Recompressed(int units, int logical, bool isRedundant) =>
        Stored(units, (units << Location.UnitShift) - EntryHeader.Size, logical, isRaw: false, isRedundant);
}
