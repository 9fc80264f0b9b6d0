using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>What is known of a frame and of the page in it: 32 bytes, so that no record crosses a cache line.</summary>
/// <remarks>A record belongs to the holder of its frame: the free list, a thread that has taken the frame and not yet published it, or the
/// page that resides in it. The clock reads records that it does not own, and relies only on what the word of the page confirms.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct FrameRecord
{
    internal const int Bytes = 32;

    /// <summary>The page table entry of the resident page; null while the frame is free, or taken by a thread. Written by the holder of the
    /// frame. Page tables stay mapped as long as frames do, so that even an outdated pointer may be followed.</summary>
    internal ulong* Page;

    /// <summary>The stored copy of a clean page (the swap cache), or 0. The thread that has made the page dirty takes it out by exchange,
    /// while it pins the page. Evictors read it, and rely on it only if the word of the page then confirms it.</summary>
    internal uint Stored;

    /// <summary>While the frame is on the free list: the next free frame, plus one.</summary>
    internal uint Next;

    /// <summary>The next eviction of the page is to store it in the pool anew: it came from a swap file although it had been in a frame not
    /// long ago, or it was compressed again when it was cold. Otherwise its stored copy, which is still good, would keep it slow for ever.
    /// Written by the holder of the frame. Also set by the clock, possibly after the record has gone to another page, which is then stored
    /// once too often.</summary>
    internal bool WantsPool;

    /// <summary>The number of the policy by which the owner of the page is compressed. Written by the holder of the frame.</summary>
    internal int Policy;

    /// <summary>Bytes of the page that hold items of its owner: as much is stored of it. Written by the holder of the frame.</summary>
    internal int Used;
}
