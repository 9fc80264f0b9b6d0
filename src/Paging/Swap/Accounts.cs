using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Sums of live entries, by the place where they are. The only type that adds to them.</summary>
/// <remarks>
/// <code>
///   live, tally, logical of a segment     = its entries that a descriptor points to
///   live, stored, logical of the pool     = Σ of the segments in memory
///   pages, live bytes of the files        = Σ of the segments in files only
///   held, dead of a file and log          = Σ of the bytes that these could hold, and of the dead bytes among them
///   incompressible, same-filled           = pages, wherever they are
/// </code>
/// Each member below is one thing that happens to a page or a segment, and keeps every line true by itself. While it runs, a sum may be
/// behind. An entry is credited to its segment before a descriptor points to it, and debited after none does (rule 6), so a segment looks
/// fuller than it is and never emptier. A thread that counts an entry of a sealed segment keeps the segment, by a pin or a claim, from
/// moving between memory and file meanwhile, so that no entry is counted in on one side and out on the other.
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

    /// <summary>Undoes <see cref="Credit"/>: an entry has gone, or was not moved there after all.</summary>
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
    }

    /// <summary>Pages have been freed.</summary>
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
