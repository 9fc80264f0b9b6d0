namespace Paging.Memory;

/// <summary>Whether a clean page is to be stored in the pool when it is evicted, although it could be had again from where it is: from a
/// file, or from a copy that takes long to decode.</summary>
internal enum PoolWish : byte
{
    /// <summary>No: that is good enough.</summary>
    None,

    /// <summary>Where the pool has room that nothing uses. It costs the encoding, and saves a read if the page comes back.</summary>
    IfUnused,

    /// <summary>Wherever room is at hand: it was away not long ago, or is in use all the time, and had to be read from a file, or its copy
    /// was recompressed when cold.</summary>
    IfAtHand,
}
