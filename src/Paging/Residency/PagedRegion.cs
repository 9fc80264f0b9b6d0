using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.Codecs;
using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>The pages of one array: its page table, and what can be done to a page as a whole. Knows bytes, not elements.</summary>
/// <remarks>Everything here and in the layers below is thread-safe. The faces (arrays, matrices) hold copies of the constants for
/// their fast paths, and a limit that Close sets to zero.</remarks>
internal sealed unsafe partial class PagedRegion
{
    /// <summary>Words in a granule of the page table: what <see cref="Touch"/> keeps account of.</summary>
    private const int GranuleShift = 9;
    private const int GranuleBytes = sizeof(ulong) << GranuleShift;
    private const int MarksBytes = 4 << 10;
    private const int MarkBytes = sizeof(int);

    /// <summary>Granules that share a mark of their own, so that what is not there is passed over quickly.</summary>
    private const int BlockShift = 10;

    /// <summary>How many pages before its turn what hangs on a page is asked for.</summary>
    private const int PrefetchedAhead = 16;

    /// <summary>Bytes that an array may have at most: what the reciprocals of odd element sizes are exact for.</summary>
    internal const long MaxBytes = 1L << 45;

    private readonly PagingDomain _domain;
    private readonly TableHome _table;
    private readonly int _usedBytes;
    private readonly int _lastUsedBytes;
    private readonly long _tableTaken;
    private readonly bool _isRegistered;
    private long _tableBytes;
    private long _toldBytes;

    /// <summary>The mark of the granule where there is only one: most arrays are small, and there are many.</summary>
    private int _onlyMark;

    /// <param name="domain">The pager's.</param>
    /// <param name="geometry">How items lie in its pages.</param>
    /// <param name="name">Shown in exceptions.</param>
    /// <param name="policy">How its pages are compressed.</param>
    internal PagedRegion(PagingDomain domain, Geometry geometry, string? name, CompressionPolicy policy)
    {
        _domain = domain;
        Policy = policy;
        LeaseSlot = domain.LeaseSlot;
        Frames = domain.Frames.Class(geometry.PageBytes);
        CanBeWatched = Frames.MaxFrames >= domain.Options.MinWatchedFrames;
        PageCount = geometry.PageCount;
        _usedBytes = geometry.UsedBytes;
        _lastUsedBytes = geometry.LastUsedBytes;
        Name = name;

        // The words, behind them a mark a granule that says whether a word of it was ever touched, and a byte a block of granules that says
        // whether one of those was.
        long marks = Granules == 1 ? 0 : (Granules * MarkBytes) + ((Granules - 1) >> BlockShift) + 1;
        long words = Granules == 1 ? PageCount * sizeof(ulong) : Granules * GranuleBytes;
        Words = (ulong*)domain.Tables.Take(words + marks, out _table, out _tableTaken);
        try
        {
            if (marks != 0)
            {
                _table.MakeWritable((byte*)Words + words, marks);
            }

            domain.Add(this);
            _isRegistered = true;
        }
        catch
        {
            TableMemory.Undo(_table, (byte*)Words, _tableTaken);
            throw;
        }
    }

    ~PagedRegion()
    {
        if (!_isRegistered)
        {
            return;
        }

        // Dropped without Dispose, or disposed long ago: no thread is in here any more, so the addresses can be used again.
        _isFinalizing = true;
        TableMemory.NoteFinalizerThread();
        bool wasDropped = false;
        if (_domain.Swap.Rundown.TryEnter())
        {
            try
            {
                wasDropped = TryBeginClose();
                if (wasDropped || TryResumeClose())
                {
                    CompleteClose();
                }

                if (_isTableClosed)
                {
                    _domain.Tables.GiveBack(_table, (byte*)Words, _tableTaken);
                }
            }
            finally
            {
                _domain.Swap.Rundown.Exit();
            }
        }

        // Whoever touched a granule while the array was being disposed of is long gone.
        _domain.Pressure.Set(ref _toldBytes, 0);
        if (wasDropped)
        {
            _domain.Dropped.NoteTakenDown();
        }

        // A span over a leaked page may live as long as its thread: then nothing is ever unmapped.
        if (!_hasLeaked)
        {
            _domain.LetGo();
        }
    }

    internal FrameClass Frames { get; }

    internal ulong* Words { get; }

    internal long PageCount { get; }

    internal string? Name { get; }

    internal CompressionPolicy Policy { get; }

    /// <summary>Where the pager's leases are counted: a copy, for the hit path.</summary>
    internal int LeaseSlot { get; }

    /// <summary>Whether pages may be watched instead of their leases being counted: not where a thread can have leases on all frames, and must be known
    /// to have them when it waits for a frame.</summary>
    internal bool CanBeWatched { get; }

    /// <summary>Whether a part of the table was ever watched. Set by threads with a claim on one of its pages.</summary>
    internal bool WasWatched { get; set; }

    /// <summary>The part of the table that is watched together with a page: its granule.</summary>
    /// <returns>How many words that is, from <paramref name="first"/> on.</returns>
    internal int PartOf(ulong* page, out ulong* first)
    {
        long index = (page - Words) >> GranuleShift << GranuleShift;
        first = Words + index;
        return (int)Math.Min(1L << GranuleShift, PageCount - index);
    }

    /// <summary>The number of the region and of its policy in the pager's tables, while it is known there.</summary>
    internal int PolicyNumber { get; set; }

    private long Granules => ((PageCount - 1) >> GranuleShift) + 1;

    /// <summary>Bytes of a page that items lie in, from its beginning: what is stored of it, the same for as long as the array lives. What a frame
    /// holds behind them is whatever it held before; nothing reads it.</summary>
    internal int UsedBytes(long index) => index == PageCount - 1 ? _lastUsedBytes : _usedBytes;

    internal string Describe() => Name is null ? "the array" : $"array '{Name}'";

    /// <summary>Pins a page for reading or writing.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* Pin(long index, bool write) => _domain.Faults.Pin(this, index, write);

    /// <summary>As <see cref="Pin"/>, for a lease, which is counted unless the page is watched.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* PinForLease(long index, bool write) => _domain.Faults.PinForLease(this, index, write);

    internal void Unpin(long index) => PageWord.Unpin(Words + index);

    internal void Overwrite(long index, PageContents contents) => _domain.Faults.Overwrite(this, index, contents);

    /// <summary>Whether the page reads as zeroes and has no frame. Throws when the array is closed.</summary>
    internal bool IsUntouched(long index)
    {
        bool untouched = PageWord.State(PageWord.Load(Words + index)) == PageState.Untouched;
        if (untouched)
        {
            AwaitOpen();
        }

        return untouched;
    }

    /// <summary>The page, from <paramref name="first"/> to <paramref name="last"/>, in whose frame an address lies; −1 when it is none of them.</summary>
    /// <remarks>Means something as long as the caller's lease pins the page of the address: its word then names that frame until the lease
    /// ends, and no other page's does. Without a lease the answer is out of date, and harmless.</remarks>
    internal long FindPageOf(byte* address, long first, long last)
    {
        long frame = Frames.OffsetOf(Frames.FrameAt(address - Frames.Base));
        for (long index = first; index <= last; index++)
        {
            ulong word = PageWord.Load(Words + index);
            if (PageWord.IsResident(word) && PageWord.Offset(word) == frame)
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>Zeroes a page by dropping it, without loading it. False when it is pinned: then nothing happened.</summary>
    internal bool TryDiscard(long index)
    {
        ulong* page = Words + index;
        while (true)
        {
            AwaitOpen();
            ulong word = PageWord.Load(page);
            switch (PageWord.State(word))
            {
                case PageState.Untouched:
                    return true;

                case PageState.Swapped:
                    // Dispose waits for whoever is about to free what was stored; once it does not, the array is closed.
                    if (_domain.Swap.Rundown.TryEnter())
                    {
                        try
                        {
                            if (PageWord.TryDiscardSwapped(page, word))
                            {
                                _domain.Swap.Free(PageWord.Stored(word));
                                return true;
                            }
                        }
                        finally
                        {
                            _domain.Swap.Rundown.Exit();
                        }
                    }

                    break;

                case PageState.Resident:
                    if (PageWord.Pins(word) != 0)
                    {
                        return false;
                    }

                    if (PageWord.TryBeginEvict(page, word))
                    {
                        ReleaseFrame(word);
                        Wake(page, PageWord.CompleteEvict(page, word, 0, 0));
                        Reclaimer.GiveBack(Frames, Frames.FrameAt(PageWord.Offset(word)));
                        return true;
                    }

                    break;

                case PageState.Dead:
                    break;

                default:
                    _domain.Parking.Wait(page);
                    break;
            }
        }
    }

    /// <summary>Zeroes whole pages by dropping them, in time for what is there: granules that were never touched are passed over.</summary>
    /// <returns>The first page that is pinned, with which nothing has happened; <paramref name="end"/> when all have been dropped.</returns>
    internal long Discard(long page, long end)
    {
        while (page < end)
        {
            AwaitOpen();
            long granule = NextTouched(page >> GranuleShift, ((end - 1) >> GranuleShift) + 1);
            if (granule < 0)
            {
                // Who disposes the array at this moment may have taken the marks.
                AwaitOpen();
                return end;
            }

            page = Math.Max(page, granule << GranuleShift);
            long stop = Math.Min(end, (granule + 1) << GranuleShift);
            while (page < stop)
            {
                // Stored ones in a row are counted out together.
                page = DiscardStored(page, stop);
                if (page == stop)
                {
                    break;
                }

                if (!TryDiscard(page))
                {
                    return page;
                }

                page++;
            }
        }

        return end;
    }

    /// <summary>Marks the page's granule of the table as used, and makes it writable. Before the first CAS on the page's word, which makes it
    /// visible.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses memory for the table. Nothing has changed.</exception>
    internal void Touch(long index)
    {
        long granule = index >> GranuleShift;
        ref int mark = ref MarkOf(granule);
        TestHook.Reach(SharedWord.PageTable);
        if (Volatile.Read(ref mark) == 0)
        {
            // Before the mark: who finds it set writes.
            bool isOnly = Granules == 1;
            _table.MakeWritable((byte*)(Words + (granule << GranuleShift)), isOnly ? _tableTaken : GranuleBytes);
            if (!isOnly)
            {
                TestHook.Reach(SharedWord.PageTable);
                Volatile.Write(ref *BlockMark(granule), 1);
            }

            TestHook.Reach(SharedWord.PageTable);
            if (Interlocked.Exchange(ref mark, 1) == 0)
            {
                CountTable(isOnly ? _tableTaken : GranuleBytes + MarkBytes);
            }
        }
    }

    private ref int MarkOf(long granule) =>
        ref Granules == 1 ? ref _onlyMark : ref ((int*)(Words + (Granules << GranuleShift)))[granule];

    private byte* BlockMark(long granule) => (byte*)Words + (Granules * (GranuleBytes + MarkBytes)) + (granule >> BlockShift);

    /// <summary>The first granule from here on, and below <paramref name="end"/>, that was ever touched; −1 when there is none.</summary>
    /// <remarks>Who touches one sets the block's mark, then the granule's, then claims a page, a full fence behind that (rule 4).</remarks>
    private long NextTouched(long granule, long end)
    {
        while (granule < end)
        {
            TestHook.Reach(SharedWord.PageTable);
            if (Granules > 1 && Volatile.Read(ref *BlockMark(granule)) == 0)
            {
                granule = ((granule >> BlockShift) + 1) << BlockShift;
                continue;
            }

            TestHook.Reach(SharedWord.PageTable);
            if (Volatile.Read(ref MarkOf(granule)) != 0)
            {
                return granule;
            }

            granule++;
        }

        return -1;
    }

    /// <summary>Counts table memory as this region's, the first page of marks along with the first granule.</summary>
    private void CountTable(long change)
    {
        if (Granules != 1 && Interlocked.Add(ref _tableBytes, change) == change)
        {
            change += MarksBytes;
            Interlocked.Add(ref _tableBytes, MarksBytes);
        }
        else if (Granules == 1)
        {
            Interlocked.Add(ref _tableBytes, change);
        }

        _domain.CountTableBytes(change);
        _domain.Pressure.Set(ref _toldBytes, Math.Min(Volatile.Read(ref _tableBytes) / sizeof(ulong), PageCount) * Frames.PageBytes);
    }

    /// <summary>Zeroes untouched and stored pages in a row, as <see cref="TryDiscard"/> does, and waits for nothing.</summary>
    /// <returns>The first page that is neither, or <paramref name="end"/>. That one is to be discarded by itself.</returns>
    private long DiscardStored(long index, long end)
    {
        // Dispose waits for whoever is about to free what was stored.
        if (IsClosing || !_domain.Swap.Rundown.TryEnter())
        {
            return index;
        }

        FreeBatch freed = new(_domain.Swap);
        try
        {
            for (; index < end && !IsClosing; index++)
            {
                PrefetchStored(Math.Min(index + PrefetchedAhead, end - 1), ref freed);
                ulong word = PageWord.Load(Words + index);
                if (PageWord.State(word) == PageState.Swapped && PageWord.TryDiscardSwapped(Words + index, word))
                {
                    freed.Free(PageWord.Stored(word));
                }
                else if (PageWord.State(word) != PageState.Untouched)
                {
                    break;
                }
            }
        }
        finally
        {
            freed.Settle();
            _domain.Swap.Rundown.Exit();
        }

        return index;
    }

    /// <summary>Asks for what freeing a page will touch: its descriptor, or its frame's record.</summary>
    private void PrefetchStored(long index, ref FreeBatch freed)
    {
        // A hint, on which nothing depends: the word may be another one by the time that the page's turn comes.
        ulong word = Volatile.Read(ref Words[index]);
        switch (PageWord.State(word))
        {
            case PageState.Swapped:
                freed.Prefetch(PageWord.Stored(word));
                break;

            case PageState.Resident:
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(Frames.RecordOf(PageWord.Offset(word)));
                }

                break;
        }
    }

    /// <summary>Frees what hangs on a frame whose page the caller has claimed: the stored copy, or the count of dirty frames.</summary>
    private void ReleaseFrame(ulong word)
    {
        FreeBatch freed = new(_domain.Swap);
        ReleaseFrame(word, ref freed);
        freed.Settle();
    }

    private void ReleaseFrame(ulong word, ref FreeBatch freed)
    {
        FrameRecord* record = Frames.RecordOf(PageWord.Offset(word));
        uint stored = Reclaimer.TakeStored(record);
        if (stored != 0)
        {
            freed.Free(stored);
        }

        if ((word & PageWord.Dirty) != 0)
        {
            Frames.ReleaseDirty();
        }
    }

    private void Wake(ulong* page, bool waiters)
    {
        if (waiters)
        {
            _domain.Parking.Wake(page);
        }
    }
}
