using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The mark in a frame's record of a page that was brought in ahead of demand: it spares the page one turn of the clock, since its
/// reference bit is clear and nobody can have used it yet, and it tells whether the page was brought in for nothing.</summary>
/// <remarks>
/// <code>
/// None ──Set──▶ Fresh ──TrySpare──▶ Passed ──IsWasted──▶ (evicted)
///   ▲             │ ▲────Renew────────│
///   └──NoteUsed───┴───────────────────┘
/// </code>
/// Set and cleared by the frame's holder, before it publishes the page or after it has unpublished it. The clock, and prefetches that find
/// the page resident, change marks of frames that they do not hold: the record may belong to another page by then, which is spared once
/// more or less, and a figure of the statistics is off by one. Nothing else depends on it.
/// </remarks>
internal static unsafe class PrefetchMark
{
    private const byte None = 0;

    /// <summary>The clock has not come past since.</summary>
    private const byte Fresh = 1;

    /// <summary>The clock has come past once, and found the page not used yet.</summary>
    private const byte Passed = 2;

    /// <summary>By the holder of the frame, before it publishes the page.</summary>
    internal static void Set(FrameRecord* record, bool isAhead) => record->Prefetched = isAhead ? Fresh : None;

    /// <summary>Whether the page came ahead of demand, and the clock has not found it used.</summary>
    internal static bool IsSet(FrameRecord* record) => Shared.Read(SharedWord.FrameRecord, &record->Prefetched) != None;

    /// <summary>By the holder of the frame, whose page is unpublished.</summary>
    internal static void Clear(FrameRecord* record) => record->Prefetched = None;

    /// <summary>The page is wanted again before it was used.</summary>
    /// <returns>False when it is not one that was brought in ahead, or has been used since.</returns>
    internal static bool TryRenew(FrameRecord* record)
    {
        byte mark = Shared.Read(SharedWord.FrameRecord, &record->Prefetched);
        if (mark == Passed)
        {
            TestHook.Reach(SharedWord.FrameRecord);
            record->Prefetched = Fresh;
        }

        return mark != None;
    }

    /// <summary>By the clock, which has found the page's reference bit clear: whether it passes the page by this time.</summary>
    internal static bool TrySpare(FrameRecord* record)
    {
        if (Shared.Read(SharedWord.FrameRecord, &record->Prefetched) != Fresh)
        {
            return false;
        }

        TestHook.Reach(SharedWord.FrameRecord);
        record->Prefetched = Passed;
        return true;
    }

    /// <summary>The page is not wanted soon, after all: it is not spared.</summary>
    internal static void Pass(FrameRecord* record) => TrySpare(record);

    /// <summary>By the clock, which has found the page's reference bit set: somebody has used it, so it was not brought in for
    /// nothing.</summary>
    internal static void NoteUsed(FrameRecord* record)
    {
        if (Shared.Read(SharedWord.FrameRecord, &record->Prefetched) != None)
        {
            TestHook.Reach(SharedWord.FrameRecord);
            record->Prefetched = None;
        }
    }

    /// <summary>By the thread that has just evicted the page and holds its frame: whether it was brought in and never used.</summary>
    /// <param name="record">The frame's.</param>
    /// <param name="word">The page's word before it was evicted.</param>
    internal static bool IsWasted(FrameRecord* record, ulong word) =>
        record->Prefetched != None && (word & PageWord.Referenced) == 0;
}
