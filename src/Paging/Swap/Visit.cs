namespace Paging.Swap;

/// <summary>How far the recompressor has come with the segment that a chunk is lent to.</summary>
/// <remarks>Written by whoever lends the chunk or has its segment open, and under the segment's claim by the recompressor.</remarks>
internal struct Visit
{
    /// <summary>Nothing is left in it to compress again. A sealed segment gains no entries, so that is final.</summary>
    internal const long Settled = long.MaxValue;

    /// <summary>When it was sealed or visited last; of an open one, when it was first seen as long as it is.</summary>
    internal long Since;

    /// <summary>Bytes of it that this visit is done with.</summary>
    internal int Next;

    /// <summary>How long an open one was at the last look.</summary>
    internal int Seen;

    /// <summary>Whether this visit has passed over an entry that had been loaded: it gets another.</summary>
    internal bool IsAnyLeft;

    /// <summary>The last entry has been looked at.</summary>
    internal void Complete(long now)
    {
        Volatile.Write(ref Since, IsAnyLeft ? now : Settled);
        Next = IsAnyLeft ? 0 : Next;
        IsAnyLeft = false;
    }
}
