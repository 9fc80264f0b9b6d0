using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Changes the sums of live entries: those of each segment (<see cref="Segment"/>), of the pool (<see cref="PoolBudget"/> and
/// <see cref="Counters"/>), and of the files (Counters and <see cref="SwapArea"/>). No other type changes them.</summary>
/// <remarks>
/// <code>
///   live, tally, logical of a segment     = its entries that a descriptor points to
///   live, stored, logical of the pool     = Σ of the segments in memory
///   pages, live bytes of the files        = Σ of the segments in files only
///   held, dead of a file and log          = Σ of the bytes that its segments of that log could hold, and of the dead ones of these
///   incompressible, same-filled           = pages, wherever they are
///   redundant of the pool                 = of its live and stored bytes, those that can be given up at any time
/// </code>
/// Each member below is one thing that happens to a page or a segment. <see cref="Credit"/> and <see cref="Debit"/> change the segment's
/// line, the others the lines below it; every line is true again once the store, move or free that calls them has ended. An entry is added
/// before a descriptor points to it, and taken off only after none does (rule 6): a segment may look too full for a moment, never too
/// empty. A thread that counts an entry of a sealed segment holds a pin or a claim on it, so the segment cannot move between memory and
/// file in between, and the entry is added and taken off on the same side.
/// </remarks>
internal sealed unsafe partial class Accounts(PoolBudget budget, Counters counters, SwapFileTable files)
{
    /// <summary>An entry is about to be published in a segment, or moved into it.</summary>
    internal static void Credit(Segment* segment, in EntrySize size)
    {
        if (CreditsBefore)
        {
            Add(segment, size);
        }
    }

    private static void Add(Segment* segment, in EntrySize size)
    {
        Interlocked.Add(ref segment->Tally, ((long)size.Entries << 32) + size.Encoded);
        Interlocked.Add(ref segment->Logical, size.Logical);
        Shared.Add(SharedWord.SegmentLive, &segment->Live, size.Units);
    }

    /// <summary>Takes off what <see cref="Credit"/> added: the entry is gone, or its move has failed.</summary>
    /// <returns>Units that are alive in the segment now.</returns>
    internal static int Debit(Segment* segment, in EntrySize size)
    {
        Interlocked.Add(ref segment->Tally, -((long)size.Entries << 32) - size.Encoded);
        Interlocked.Add(ref segment->Logical, -size.Logical);
        return Shared.Add(SharedWord.SegmentLive, &segment->Live, -size.Units);
    }

    /// <summary>A page has been stored as a pattern.</summary>
    internal void StoredPattern() => counters.Add(Counter.SameFilledPages);

    /// <summary>Pages that were stored as patterns have been freed.</summary>
    internal void FreedPatterns(int pages) => counters.Add(Counter.SameFilledPages, -pages);

    /// <summary>A page has been stored in memory.</summary>
    internal void Stored(in EntrySize size)
    {
        CountInMemory(size);
        CountRaw(size.Raw);
        budget.AddRedundant(size.RedundantUnits, size.RedundantEncoded);
    }

    /// <summary>Pages have been freed, or dropped because they are redundant.</summary>
    internal void Freed(Segment* segment, in EntrySize size, bool onFile)
    {
        if (onFile)
        {
            CountOffFile(segment, size);
        }
        else
        {
            budget.Add(-size.Units, -size.Encoded);
            counters.Add(Counter.LogicalBytes, -size.Logical);
        }

        CountRaw(-size.Raw);
        budget.AddRedundant(-size.RedundantUnits, -size.RedundantEncoded);
    }

    /// <summary>A page has been moved off a file into memory, as it was.</summary>
    internal void MovedIn(Segment* from, in EntrySize size)
    {
        CountOffFile(from, size);
        CountInMemory(size);
    }

    /// <summary>A page in memory has been compressed again.</summary>
    internal void Recompressed(in EntrySize from, in EntrySize to)
    {
        budget.Add(to.Units - from.Units, to.Encoded - from.Encoded);
        counters.Add(Counter.RecompressedPages);
        CountRaw(to.Raw - from.Raw);
        budget.AddRedundant(to.RedundantUnits - from.RedundantUnits, to.RedundantEncoded - from.RedundantEncoded);
    }

    /// <summary>A page in a file could not be read when the file was removed.</summary>
    internal void Lost(Segment* segment, in EntrySize size)
    {
        counters.Add(Counter.CorruptedPages);
        Freed(segment, size, onFile: true);
    }

    /// <summary>A segment that was in memory is now in a file only. No thread is in it.</summary>
    internal void Demoted(Segment* segment, int holds)
    {
        budget.Add(-segment->Live, -(long)(uint)segment->Tally);
        counters.Add(Counter.LogicalBytes, -segment->Logical);
        counters.Add(Counter.FilePages, segment->Tally >> 32);
        counters.Add(Counter.FileLiveBytes, (long)segment->Live << Location.UnitShift);
        files.Of(segment).CountSegment(segment->Log, holds, segment->Live << Location.UnitShift);
    }

    /// <summary>A segment in which nothing is alive any more is about to leave its file.</summary>
    internal void LeftFile(Segment* segment, int holds) => files.Of(segment).CountSegment(segment->Log, -holds, live: 0);

    private void CountInMemory(in EntrySize size)
    {
        budget.Add(size.Units, size.Encoded);
        counters.Add(Counter.LogicalBytes, size.Logical);
    }

    private void CountOffFile(Segment* segment, in EntrySize size)
    {
        counters.Add(Counter.FilePages, -size.Entries);
        counters.Add(Counter.FileLiveBytes, -(long)size.Bytes);
        files.Of(segment).CountDead(segment->Log, size.Bytes);
    }

    private void CountRaw(int pages)
    {
        if (pages != 0)
        {
            counters.Add(Counter.IncompressiblePages, pages);
        }
    }
}
