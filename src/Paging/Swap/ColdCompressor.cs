namespace Paging.Swap;

/// <summary>Compresses again what has grown cold. Moves entries as the cleaner does, under the same gate.</summary>
/// <remarks>
/// A segment is due a while after it was sealed or visited last, whether or not anything in it is dead. So are the entries in the open
/// segment of a writer that has been idle as long. The descriptor of each entry says whether its page was loaded since: then the entry gets
/// a second chance. The other entries are compressed anew into segments of their own. An entry that gains too little is moved there as it
/// is, and marked, so that it is not tried again.
///
/// A step holds the gate and the claim for a few pages only. It takes no segment that a store could soon want. In a log that is short of
/// segments, whole segments are emptied through the cleaner's reserve instead: an emptied victim gives back what it took.
/// </remarks>
internal sealed unsafe class ColdCompressor(
    SegmentLog log, EntryMover mover, Cleaner cleaner, SegmentTable table, DescriptorTable descriptors, Recompressor recompressor)
{
    private const int NoChunk = -1;

    /// <summary>Bytes of pages that a step goes through at most. The last page may exceed it.</summary>
    private const int MaxBytesAtOnce = 64 << 10;

    /// <summary>Entries that a step looks at, at most.</summary>
    private const int MaxEntriesAtOnce = 512;

    /// <summary>The longest segment, in bytes, that is emptied in one step when segments are short; also the most bytes that it may decode
    /// to.</summary>
    private const int MaxSegmentAtOnce = 2 << 20;

    private readonly ColdVisit[] _visits = log.Sealed.Visits;

    /// <summary>The chunk whose visit has begun. Guarded by the cleaning gate.</summary>
    private int _visiting;

    /// <summary>Does a few pages' work on the segment that has been left alone longest.</summary>
    /// <param name="by">The recompressor whose time and buffer it takes.</param>
    /// <param name="now">The recompressor's clock.</param>
    /// <param name="due">If no segment is due now, lowered to the time at which the next one will be.</param>
    internal Recompression Recompress(Recompressor by, long now, ref long due)
    {
        if (!mover.Gate.TryEnter())
        {
            return Recompression.Busy;
        }

        try
        {
            bool isShort = log.IsShort;
            int chunk = FindDue(now - by.Age, out long since);
            bool hasRoom = true;
            if (chunk >= 0)
            {
                hasRoom = isShort ? TryEmptyCold(chunk, by, now) : TryVisit(chunk, by, now);
                if (hasRoom)
                {
                    return Recompression.Worked;
                }
            }
            else if (since != ColdVisit.Settled)
            {
                due = Math.Min(due, since + by.Age);
            }

            if (!isShort && hasRoom && VisitIdle(by, now, ref due, ref hasRoom))
            {
                return Recompression.Worked;
            }

            if (isShort || !hasRoom)
            {
                due = Math.Min(due, now + by.Age);
            }

            return Recompression.Nothing;
        }
        finally
        {
            mover.Gate.Exit();
        }
    }

    /// <summary>Begins the record of a segment about to be opened. Called under the budget's gate.</summary>
    internal void BeginVisits(int chunk)
    {
        ref ColdVisit visit = ref _visits[chunk];
        Volatile.Write(ref visit.Since, ColdVisit.Settled);
        visit.Next = 0;
        visit.Seen = 0;
        visit.IsAnyLeft = false;
    }

    /// <summary>Notes that the caller is about to seal a segment that it has open.</summary>
    internal void NoteSealed(int chunk) => Volatile.Write(ref _visits[chunk].Since, recompressor.Now);

    /// <summary>Notes that a page has been appended.</summary>
    internal void NoteStored() => recompressor.NoteStored();

    /// <summary>The chunk of the segment whose visit has begun, or else of the one that has been left alone longest.</summary>
    /// <param name="before">It must have been left alone since this time or longer.</param>
    /// <param name="since">Since when it has been left alone, even if that is not long enough.</param>
    /// <returns>The chunk; −1 when no segment is due.</returns>
    private int FindDue(long before, out long since)
    {
        since = Volatile.Read(ref _visits[_visiting].Since);
        if (_visits[_visiting].Next != 0 && since <= before && log.Sealed.IsLeftAlone(_visiting))
        {
            return _visiting;
        }

        int oldest = log.Sealed.FindLeftAlone(out since);
        _visiting = Math.Max(oldest, 0);
        return since <= before ? oldest : NoChunk;
    }

    /// <summary>Sealed → Cleaning, of the segment that a chunk is lent to. False when it is no longer the segment that was
    /// chosen.</summary>
    private bool TryClaim(int chunk, out int number)
    {
        number = log.Chunks.HolderOf(chunk);
        if (number < 0 || !SegmentWord.TryBeginCleaning(&table[number]->Word))
        {
            return false;
        }

        Segment* segment = table[number];
        if (segment->Log == log.Index && segment->Chunk == chunk && segment->File == 0)
        {
            return true;
        }

        table.EndCleaning(number);
        return false;
    }

    /// <summary>Goes on with the visit of a sealed segment. False when there is no room to move entries to.</summary>
    private bool TryVisit(int chunk, Recompressor by, long now)
    {
        if (!TryClaim(chunk, out int number))
        {
            return true;
        }

        try
        {
            return TryGoOn(number, ref _visits[chunk], MaxBytesAtOnce, by, now);
        }
        finally
        {
            table.EndCleaning(number);
        }
    }

    /// <summary>Looks at the segments that writers have open and have not appended to for long.</summary>
    private bool VisitIdle(Recompressor by, long now, ref long due, ref bool hasRoom)
    {
        foreach (LogWriter writer in log.Writers)
        {
            // A writer in use is not waited for: its borrower is about to append.
            if (writer.TryBorrow())
            {
                bool worked;
                try
                {
                    worked = VisitOpen(writer, by, now, ref due, ref hasRoom);
                }
                finally
                {
                    writer.GiveBack();
                }

                if (worked)
                {
                    return true;
                }
            }
            else
            {
                due = Math.Min(due, now + by.Age);
            }
        }

        return VisitOpen(mover.Writer, by, now, ref due, ref hasRoom);
    }

    /// <summary>Goes on with one page of an open segment. The caller has borrowed its writer, so no other thread seals or empties
    /// it.</summary>
    private bool VisitOpen(LogWriter writer, Recompressor by, long now, ref long due, ref bool hasRoom)
    {
        int number = writer.OpenSegment;
        if (number < 0)
        {
            return false;
        }

        Segment* segment = table[number];
        ref ColdVisit visit = ref _visits[segment->Chunk];
        if (visit.Seen != segment->Used)
        {
            visit.Seen = segment->Used;
            Volatile.Write(ref visit.Since, now);
        }

        if (visit.Since == ColdVisit.Settled || now - visit.Since < by.Age)
        {
            due = visit.Since == ColdVisit.Settled ? due : Math.Min(due, visit.Since + by.Age);
            return false;
        }

        hasRoom = TryGoOn(number, ref visit, maxBytes: 1, by, now);
        writer.SealIfEmpty();
        return hasRoom;
    }

    // A segment's decoded bytes measure the work of compressing it again. That happens under the gate, for which evictors wait.
    private bool TryGoOn(int number, ref ColdVisit visit, int maxBytes, Recompressor by, long now)
    {
        Segment* segment = table[number];
        int bytes = 0;
        EntryCursor entries = mover.Entries(number, visit.Next);
        for (int looked = 0; bytes < maxBytes && looked < MaxEntriesAtOnce && entries.MoveNext(); looked++)
        {
            EntryHeader* header = entries.Header;
            if (mover.IsCompressible(header) && entries.Locate() is { Word: not 0 } from)
            {
                if (descriptors.TakeLoaded((uint)header->Id))
                {
                    visit.IsAnyLeft = true;
                }
                else if (mover.TryRecompress(header, from, mover.ColdWriter, StoreLevel.Normal, by) == Moved.NoRoom)
                {
                    return false;
                }
                else
                {
                    bytes += header->PageLength;
                }
            }

            visit.Next = entries.Next;
        }

        if (entries.IsBroken)
        {
            // Only descriptors lead to the entries behind the broken one. The cleaner will mark the segment when it comes to it.
            visit.Next = segment->Used;
        }

        if (visit.Next >= segment->Used)
        {
            visit.Complete(now);
        }

        return true;
    }

    /// <summary>Empties a due segment in one go, as the cleaner does, if nothing in it was loaded and much of it can become shorter. It
    /// takes no more of the cleaner's reserve than the victim gives back, since no entry becomes longer.</summary>
    private bool TryEmptyCold(int chunk, Recompressor by, long now)
    {
        int max = Math.Max(MaxSegmentAtOnce, 2 * log.Geometry.MaxPage);
        if (log.SegmentBytes > max)
        {
            return false;
        }

        if (!TryClaim(chunk, out int number))
        {
            return true;
        }

        // The bytes that a segment decodes to measure the work of compressing it again. That happens under the gate, for which evictors
        // wait.
        bool isSettled = false;
        bool isWorthwhile = table[number]->Logical <= max && IsWorthEmptying(number, out isSettled);
        Volatile.Write(ref _visits[chunk].Since, isSettled ? ColdVisit.Settled : now);
        table.EndCleaning(number);
        return !isWorthwhile || cleaner.TryEmpty(number, by);
    }

    private bool IsWorthEmptying(int number, out bool isSettled)
    {
        Segment* segment = table[number];
        isSettled = true;
        bool anyLoaded = false;
        long units = 0;
        EntryCursor entries = mover.Entries(number);
        while (entries.MoveNext())
        {
            EntryHeader* header = entries.Header;
            if (mover.IsCompressible(header) && entries.Locate() != default)
            {
                anyLoaded |= descriptors.TakeLoaded((uint)header->Id);
                units += header->Units;
            }
        }

        if (entries.IsBroken)
        {
            return false;
        }

        isSettled = units == 0;
        return !anyLoaded && units > Volatile.Read(ref segment->Live) >> 2;
    }
}
