using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The mark in a frame's record of a page that was brought in ahead of demand, until it is used: it tells whether the page was
/// brought in for nothing.</summary>
/// <remarks>
/// Set and cleared by the frame's holder, before it publishes the page or after it has unpublished it. The clock also clears marks of
/// frames that it does not hold: the record may belong to another page by then, and a figure of the statistics is off by one. Nothing else
/// depends on it.
/// </remarks>
internal static unsafe class PrefetchMark
{
    /// <summary>By the holder of the frame, before it publishes the page.</summary>
    internal static void Set(FrameRecord* record, bool isAhead) => record->Prefetched = isAhead ? (byte)1 : (byte)0;

    /// <summary>Whether the page came ahead of demand, and the clock has not found it used.</summary>
    internal static bool IsSet(FrameRecord* record) => Shared.Read(SharedWord.FrameRecord, &record->Prefetched) != 0;

    /// <summary>By the holder of the frame, whose page is unpublished.</summary>
    internal static void Clear(FrameRecord* record) => record->Prefetched = 0;

    /// <summary>By the clock, which has found the page's reference bit set: somebody has used it, so it was not brought in for
    /// nothing.</summary>
    internal static void NoteUsed(FrameRecord* record)
    {
        if (IsSet(record))
        {
            TestHook.Reach(SharedWord.FrameRecord);
            record->Prefetched = 0;
        }
    }

    /// <summary>By the thread that has just evicted the page and holds its frame: whether it was brought in and never used.</summary>
    /// <param name="record">The frame's.</param>
    /// <param name="word">The page's word before it was evicted.</param>
    internal static bool IsWasted(FrameRecord* record, ulong word) =>
        record->Prefetched != 0 && (word & PageWord.Referenced) == 0;
}
