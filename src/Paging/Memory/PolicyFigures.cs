using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>What changes in <see cref="Replacement"/> with every fault, in cache lines of its own: the fields beside it are read by every
/// thread.</summary>
[StructLayout(LayoutKind.Explicit, Size = (4 * CacheLine.Bytes) + (CorrelatedFaults * sizeof(long)))]
internal struct PolicyFigures
{
    /// <summary>Faults after which references to a page begin to count.</summary>
    internal const int CorrelatedFaults = 8;

    [FieldOffset(CacheLine.Bytes)]
    internal long Faults;

    /// <summary>The hot frame that has been idle for longest, as far as is known.</summary>
    [FieldOffset(CacheLine.Bytes + 8)]
    internal long Candidate;

    /// <summary>Frames that are not hot because pages are brought in ahead.</summary>
    [FieldOffset(CacheLine.Bytes + 16)]
    internal long AheadRoom;

    /// <summary>Frames that are left to pages that are not hot.</summary>
    [FieldOffset(CacheLine.Bytes + 24)]
    internal double Window;

    /// <summary>A hot page gives way to another once it has been idle for so many times as long as that was away; 1 or more.</summary>
    [FieldOffset(CacheLine.Bytes + 32)]
    internal double Caution;

    /// <summary>For how long pages were away that have become hot: an average, in units of the clock.</summary>
    [FieldOffset(CacheLine.Bytes + 40)]
    internal double PromotedAfter;

    /// <summary>The same of all pages that have come back.</summary>
    [FieldOffset(CacheLine.Bytes + 48)]
    internal double UsuallyAway;

    /// <summary>The longest that a hot page was idle lately.</summary>
    [FieldOffset(CacheLine.Bytes + 56)]
    internal double MaxIdle;

    /// <summary>The frames of the last faults.</summary>
    [FieldOffset(2 * CacheLine.Bytes)]
    internal RecentFrames Recent;

    [InlineArray(CorrelatedFaults)]
    internal struct RecentFrames
    {
        private long _first;
    }
}
