using System.Runtime.InteropServices;

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

    /// <summary>Bytes appended. Changed by its writer while open; constant once sealed. See <see cref="NextFree"/>, too.</summary>
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

    /// <summary>Of a number that no segment has: the next such number. The same field as <see cref="Used"/>, under the budget's
    /// gate.</summary>
    internal int NextFree
    {
        readonly get => Used;
        set => Used = value;
    }
}
