using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>What is known of a frame and of the page in it: 32 bytes, so that no record crosses a cache line.</summary>
/// <remarks>The holder of a frame owns its record: the free list; a thread that has taken the frame and not published it; or the resident
/// page, for which a thread that has claimed it writes. The exceptions stand at the fields. Other threads (the clock, and those that look
/// at every frame) may read it, and must trust only what the page's word confirms.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct FrameRecord
{
    internal const int Bytes = 32;

    /// <summary>Where <see cref="Replacement"/> lies: records get memory later than the policy is made, so its address is computed.</summary>
    internal const int ReplacementOffset = 28;

    /// <summary>The page table entry of the resident page; null while the frame is free, or taken by a thread. Written by the holder of the
    /// frame. An outdated pointer may still be followed: page tables stay mapped as long as frames do.</summary>
    internal ulong* Page;

    /// <summary>The stored copy of a clean page (the swap cache), or 0. The thread that makes the page dirty takes it out by exchange,
    /// while it pins the page. Evictors read it, and rely on it only if the word of the page then confirms it.</summary>
    internal uint Stored;

    /// <summary>While the frame is on the free list: the next free frame, plus one. Or one of <see cref="FrameMarks"/>, for a free frame that
    /// is not on the list.</summary>
    internal uint Next;

    /// <summary>Whether the next eviction is to store a clean page in the pool anew. Written by the frame's holder, and by the clock, which
    /// may hit a record that now belongs to another page; that page is then stored once too often.</summary>
    internal PoolWish Wish;

    /// <summary>Whether the page was brought in ahead of demand and has not been used since: see Residency/PrefetchMark.cs, which alone
    /// changes it. Written by the frame's holder, and by the clock, which may hit a record that now belongs to another page; then a figure
    /// is off by one, or a page spared once more or less.</summary>
    internal byte Prefetched;

    /// <summary>The page's number in <see cref="FrameForecast"/> if it is one that is sampled, or 0. Written by the holder of the frame; by
    /// the clock it may be read when the frame has another page already, which then looks used.</summary>
    internal ushort Sample;

    /// <summary>The number of the policy by which the owner of the page is compressed. Written by the holder of the frame.</summary>
    internal int Policy;

    /// <summary>Bytes of the page that hold its owner's items; only these are stored. Written by the holder of the frame.</summary>
    internal int Used;

    /// <summary>What the replacement policy keeps of the frame; <see cref="Memory.Replacement"/> alone reads and writes it.</summary>
    internal uint Replacement;

    /// <summary>The word of the page that the record names at this moment, for a thread that does not hold the frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong* LoadPage(FrameRecord* record) => (ulong*)Volatile.Read(ref *(nint*)&record->Page);
}
