namespace Paging.Swap;

/// <summary>Compresses again what has grown cold: moves entries like the cleaner, and under the same gate.</summary>
/// <remarks>
/// A segment is due a while after it was sealed or visited last, whether or not anything in it is dead; so is what lies in the open segment of a writer that has
/// been idle as long. Of each entry's page the descriptor says whether it was loaded since: then it gets a second chance. The others are compressed
/// anew into segments of their own. What gains too little is moved there as it is, and marked, so that it is not tried again.
///
/// A step holds the gate and the claim for a few pages only. It takes no segment that a store could soon want: a log that is short of them has whole
/// segments emptied through the cleaner's reserve instead, which a victim emptied gives back.
/// </remarks>
internal sealed unsafe class ColdCompressor(
    SegmentLog log, EntryMover mover, Cleaner cleaner, SegmentTable table, DescriptorTable descriptors, Recompressor recompressor)
{
    private const int NoChunk = -1;

    /// <summary>Bytes of pages that a step goes through at most, but for the last page.</summary>
    private const int MaxBytesAtOnce = 64 << 10;

    /// <summary>Entries that it looks at.</summary>
    private const int MaxEntriesAtOnce = 512;

    /// <summary>The longest segment that is emptied in one step when segments are short, and the most that it may decode to.</summary>
    private const int MaxSegmentAtOnce = 2 << 20;

    private readonly Visit[] _visits = log.Sealed.Visits;

    /// <summary>The chunk whose visit has begun. Under the cleaning gate.</summary>
    private int _visiting;

    /// <summary>A few pages' work on what has been left alone longest.</summary>
    /// <param name="by">Whose time and buffer it takes.</param>
    /// <param name="now">Its clock.</param>
    /// <param name="due">Lowered to when the next segment will be due, if none is.</param>
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
            else if (since != Visit.Settled)
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

    /// <summary>Begins the record of a segment about to be opened. Under the budget's gate.</summary>
    internal void BeginVisits(int chunk)
    {
        ref Visit visit = ref _visits[chunk];
        Volatile.Write(ref visit.Since, Visit.Settled);
        visit.Next = 0;
        visit.Seen = 0;
        visit.IsAnyLeft = false;
    }

    /// <summary>The caller is about to seal a segment that it has open.</summary>
    internal void NoteSealed(int chunk) => Volatile.Write(ref _visits[chunk].Since, recompressor.Now);

    /// <summary>A page has been appended.</summary>
    internal void NoteStored() => recompressor.NoteStored();

    /// <summary>The chunk of the segment that a visit has begun to, or else that has been left alone longest.</summary>
    /// <param name="before">Since when at least.</param>
    /// <param name="since">Since when it has been, even if that is not long enough.</param>
    /// <returns>−1 when none is due.</returns>
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

    /// <summary>Sealed → Cleaning of the segment that a chunk is lent to. False when it is not what it was when it was chosen.</summary>
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

    /// <summary>Goes on with the visit of a sealed segment. False when there is no room.</summary>
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
            // Not waited for: who has it is about to append.
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

    /// <summary>Goes on with a page of an open segment, whose writer the caller has, so that nobody seals or cleans it.</summary>
    private bool VisitOpen(LogWriter writer, Recompressor by, long now, ref long due, ref bool hasRoom)
    {
        int number = writer.OpenSegment;
        if (number < 0)
        {
            return false;
        }

        Segment* segment = table[number];
        ref Visit visit = ref _visits[segment->Chunk];
        if (visit.Seen != segment->Used)
        {
            visit.Seen = segment->Used;
            Volatile.Write(ref visit.Since, now);
        }

        if (visit.Since == Visit.Settled || now - visit.Since < by.Age)
        {
            due = visit.Since == Visit.Settled ? due : Math.Min(due, visit.Since + by.Age);
            return false;
        }

        hasRoom = TryGoOn(number, ref visit, maxBytes: 1, by, now);
        writer.SealIfEmpty();
        return hasRoom;
    }

    /// <summary>Compresses the next few entries of a segment that the caller has claimed or has open. False when there is no room.</summary>
    private bool TryGoOn(int number, ref Visit visit, int maxBytes, Recompressor by, long now)
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
            // What is behind it is found through descriptors only. The cleaner will say so when it comes by.
            visit.Next = segment->Used;
        }

        if (visit.Next >= segment->Used)
        {
            visit.Complete(now);
        }

        return true;
    }

    /// <summary>Empties a due segment in one go, as the cleaner does, where nothing in it was loaded and much of it can become shorter. What it takes
    /// of the cleaner's reserve is no more than the victim gives back, since no entry becomes longer.</summary>
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

        // What a segment decodes to is what it takes to compress it again: under the gate, and those who wait for that are evictors.
        bool isSettled = false;
        bool isWorthwhile = table[number]->Logical <= max && IsWorthEmptying(number, out isSettled);
        Volatile.Write(ref _visits[chunk].Since, isSettled ? Visit.Settled : now);
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
