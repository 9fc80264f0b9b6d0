using System.Diagnostics;

namespace Paging.Swap;

/// <summary>A page's place, in one word.</summary>
/// <remarks>
/// <code>
///           63       42 41      21 20       2 1  0
/// Segment       [segment (22)][offset (21)][length (19)][kind]     offset and length in units of 16 bytes, header included
/// Recompressed  as Segment; the encoded length in the descriptor's details is out of date
/// Pattern       [            -           ][ page length (23) ][kind]
/// Lost          as Pattern, of a page of no length
/// Dropped       as Pattern, of a page of the greatest length that fits, which none has
/// None          [          next free descriptor         ][kind]
/// </code>
/// </remarks>
internal readonly record struct Location(ulong Word)
{
    internal const int UnitShift = 4;
    internal const int MaxSegments = 1 << 22;
    internal const long MaxSegmentBytes = 1L << (21 + UnitShift);

    internal enum Kind
    {
        None,
        Segment,
        Pattern,

        /// <summary>It was in a swap file that could not be read when it was removed.</summary>
        Lost,

        /// <summary>It was redundant, and its room was wanted: whoever has it stored has it from elsewhere.</summary>
        Dropped,
    }

    private const ulong RecompressedBits = 3;
    private const int PatternLengths = 1 << 23;
    private const ulong DroppedWord = ((ulong)(PatternLengths - 1) << 2) | (ulong)Kind.Pattern;

    internal Kind Where =>
        (Word & RecompressedBits) == RecompressedBits ? Kind.Segment
        : Word == (ulong)Kind.Pattern ? Kind.Lost
        : Word == DroppedWord ? Kind.Dropped
        : (Kind)(Word & 3);

    /// <summary>Whether the page is in a segment and has been compressed anew since it was stored. Then only this word tells its encoded
    /// length, in units.</summary>
    internal bool IsRecompressed => (Word & RecompressedBits) == RecompressedBits;

    /// <summary>Whether segment, offset and units are these, recompressed or not.</summary>
    internal bool IsAt(int segment, int offset, int units) =>
        Where == Kind.Segment && (Word | RecompressedBits) == (InSegment(segment, offset, units).Word | RecompressedBits);

    internal int Segment => (int)(Word >> 42);

    internal int Offset => (int)((Word >> 21) & ((1 << 21) - 1)) << UnitShift;

    internal int Units => (int)((Word >> 2) & ((1 << 19) - 1));

    internal int PatternLength => (int)((Word >> 2) & (PatternLengths - 1));

    internal static Location InSegment(int segment, int offset, int units)
    {
        Debug.Assert(
            (uint)segment < MaxSegments && (uint)offset < MaxSegmentBytes && (uint)units < 1 << 19,
            "a location that does not fit its word");
        return new(((ulong)segment << 42) | ((ulong)(offset >> UnitShift) << 21) | ((ulong)units << 2) | (ulong)Kind.Segment);
    }

    internal Location AsRecompressed => new(Word | RecompressedBits);

    internal static Location Lost => new((ulong)Kind.Pattern);

    internal static Location Dropped => new(DroppedWord);

    internal static Location AsPattern(int pageLength) => new(((ulong)pageLength << 2) | (ulong)Kind.Pattern);
}
