using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>What is known of a frame beside the page that it holds: 32 bytes, so that none straddles a cache line.</summary>
/// <remarks>A record belongs to whoever holds its frame: the free list, a thread between taking and publishing it, or the
/// page that resides in it. The clock reads records that it does not own, and believes only what the page's word confirms.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct FrameRecord
{
    internal const int Bytes = 32;

    /// <summary>The page table entry of the resident page; null while the frame is free or in a thread's hands. Written by
    /// the frame's holder. Page tables stay mapped as long as any frame, so a stale value may be read through.</summary>
    internal ulong* Page;

    /// <summary>The stored copy of a clean page (the swap cache), or 0. Taken out by exchange by the thread that turned the
    /// page dirty, while it pins the page; read by evictors that the page's word then confirms.</summary>
    internal uint Stored;

    /// <summary>The next free frame plus one, while the frame is on the free list.</summary>
    internal uint Next;

    /// <summary>The page came from a swap file although it had been in a frame not long ago, or was compressed again when it was cold: its
    /// next eviction stores it in the pool anew, or its copy, still good, would keep it slow for ever. Written by the frame's holder; set
    /// by the clock, whose record it may be no more: then a page is stored once too often.</summary>
    internal bool WantsPool;

    /// <summary>How the page's owner is compressed, by number. Written by the frame's holder.</summary>
    internal int Policy;

    /// <summary>Bytes of the page that its owner's items lie in: what is stored of it. Written by the frame's holder.</summary>
    internal int Used;
}
