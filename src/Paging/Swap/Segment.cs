using System.Runtime.InteropServices;

namespace Paging.Swap;

/// <summary>An entry of the segment table: one cache line, since different threads use different segments.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct Segment
{
    internal const int Size = 64;

    /// <summary>See <see cref="SegmentWord"/>.</summary>
    internal ulong Word;

    /// <summary>Where its memory is; meaningless while it has none. Set before it is opened; a reader's pin keeps it.</summary>
    internal byte* Address;

    /// <summary>Bytes appended. Its writer's while open; constant once sealed. Of an unused number: the next unused one.</summary>
    internal int Used;

    /// <summary>Units of entries that a descriptor points to. Credited by writer and mover before they publish, debited by whoever
    /// takes a location out of a descriptor. A sealed segment gains none.</summary>
    internal int Live;

    /// <summary>When it was sealed, in seals of its log: the order in which segments grow cold.</summary>
    internal long SealedAt;

    /// <summary>Which log it belongs to. Set before it is opened.</summary>
    internal int Log;

    /// <summary>Which piece of its log's memory it has.</summary>
    internal int Chunk;

    /// <summary>Set by the cleaner when the chain of headers is broken: its entries stay readable, but it is not emptied.</summary>
    internal int Damaged;
}

/// <summary>What stands before each page in a segment, so that a segment describes itself.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal struct EntryHeader
{
    internal const int Size = 24;
    private const int EncodingShift = 24;

    /// <summary>Index and tag of the descriptor that the entry was made for.</summary>
    internal ulong Id;

    /// <summary>XXH3 of the encoded bytes, mixed with the id and the lengths: see <see cref="Checksum"/>.</summary>
    internal ulong Checksum;

    internal uint EncodedLengthAndEncoding;

    internal uint PageLength;

    internal readonly int EncodedLength => (int)(EncodedLengthAndEncoding & ((1u << EncodingShift) - 1));

    internal readonly Codecs.PageEncoding Encoding => (Codecs.PageEncoding)(EncodedLengthAndEncoding >> EncodingShift);

    /// <summary>Units of the whole entry, header included.</summary>
    internal readonly int Units => UnitsFor(EncodedLength);

    internal static int UnitsFor(int encodedLength) => (Size + encodedLength + 15) >> Location.UnitShift;

    internal static uint Pack(int encodedLength, Codecs.PageEncoding encoding) =>
        (uint)encodedLength | ((uint)encoding << EncodingShift);
}
