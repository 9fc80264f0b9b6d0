namespace Paging.Swap;

/// <summary>How far the recompressor has come with the segment that a chunk is lent to.</summary>
/// <remarks>Written by the thread that lends the chunk or has its segment open; otherwise by the recompressor, under a claim on the
/// segment.</remarks>
internal struct ColdVisit
{
    /// <summary>Nothing in the segment is left to compress again. A sealed segment gains no entries, so this is final.</summary>
    internal const long Settled = long.MaxValue;

    /// <summary>When the segment was sealed or visited last; of an open one, when it was first seen with its present length.</summary>
    internal long Since;

    /// <summary>Bytes of the segment that this visit has gone through.</summary>
    internal int Next;

    /// <summary>The length of an open segment at the last look.</summary>
    internal int Seen;

    /// <summary>Whether this visit has passed over an entry that had been loaded. Then the segment gets another visit.</summary>
    internal bool IsAnyLeft;

    /// <summary>Ends the visit, after the last entry has been looked at.</summary>
    internal void Complete(long now)
    {
        Volatile.Write(ref Since, IsAnyLeft ? now : Settled);
        Next = IsAnyLeft ? 0 : Next;
        IsAnyLeft = false;
    }
}
