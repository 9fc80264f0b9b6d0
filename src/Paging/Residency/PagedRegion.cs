using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;

namespace Paging.Residency;

/// <summary>The pages of one array: its page table, and what can be done to a page as a whole. Knows bytes, not elements.</summary>
/// <remarks>Everything here and in the layers below is thread-safe. The faces (arrays, matrices) hold copies of the constants for
/// their fast paths, and a limit that Close sets to zero.</remarks>
internal sealed unsafe partial class PagedRegion
{
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

    /// <param name="domain">The pager's.</param>
    /// <param name="geometry">How items lie in its pages.</param>
    /// <param name="name">Shown in exceptions.</param>
    /// <param name="policy">How its pages are compressed.</param>
    internal PagedRegion(PagingDomain domain, Geometry geometry, string? name, CompressionPolicy policy)
    {
        _domain = domain;
        _nodes = domain.Nodes;
        Policy = policy;
        LeaseSlot = domain.LeaseSlot;
        Frames = domain.Frames.Class(geometry.PageBytes);
        CanBeWatched = Frames.MaxFrames >= domain.Tuning.MinWatchedFrames;
        PageCount = geometry.PageCount;
        _usedBytes = geometry.UsedBytes;
        _lastUsedBytes = geometry.LastUsedBytes;
        Name = name;

        // The words, behind them what is known of each granule, and a byte a block of granules that says whether one of it was ever touched.
        long marks = IsSmall ? 0 : (Granules * MarkBytes) + ((Granules - 1) >> BlockShift) + 1;
        long words = IsSmall ? PageCount * sizeof(ulong) : Granules * GranuleBytes;
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
                    // Who lost against Dispose may have had a part of the table covered behind its back.
                    _domain.Watch.Forget(Words, PageCount);
                    _domain.Tables.GiveBack(_table, (byte*)Words, _tableTaken);
                }
            }
            finally
            {
                _domain.Swap.Rundown.Exit();
            }
        }

        // Whoever touched a granule while the array was being disposed of is long gone.
        _domain.CountTableBytes(-Interlocked.Exchange(ref _tableBytes, 0));
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

    /// <summary>The linear table. Not every page's word is there: see <see cref="Find"/>.</summary>
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

    /// <summary>Bytes of a page that items lie in, from its beginning: what is stored of it, the same for as long as the array lives. What a frame
    /// holds behind them is whatever it held before; nothing reads it.</summary>
    internal int UsedBytes(long index) => index == PageCount - 1 ? _lastUsedBytes : _usedBytes;

    internal string Describe() => Name is null ? "the array" : $"array '{Name}'";

    /// <summary>Pins a page for reading or writing.</summary>
    /// <param name="index">The page.</param>
    /// <param name="write">Whether it will be dirty.</param>
    /// <param name="word">Its word, where it stays as long as the pin is out: the caller owes an <see cref="PageWord.Unpin"/> of it.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* Pin(long index, bool write, out ulong* word)
    {
        // The hit path does not see what is in a node.
        word = Find(index);
        if (!IsHome(index, word))
        {
            ulong seen = PageWord.Load(word);
            ulong wanted = PageWord.Resident | (write ? PageWord.Dirty : 0);

            // Whose it is between the load and the CAS: another array's page is not pinned even for a moment, which its Dispose would take for a lease.
            if ((seen & wanted) == wanted && PageWord.Pins(seen) < PageWord.MaxPins - 1 && IsOf(index, word) && PageWord.TryPin(word, seen, PageWord.Referenced))
            {
                if (!SeesClosing)
                {
                    return Frames.Base + PageWord.Offset(seen);
                }

                PageWord.Unpin(word);
            }
        }

        return _domain.Faults.Pin(this, index, write, out word);
    }

    /// <summary>As <see cref="Pin"/>, for a lease, which is counted unless the page is watched.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* PinForLease(long index, bool write, out ulong* word) => _domain.Faults.PinForLease(this, index, write, out word);

    internal void Overwrite(long index, PageContents contents) => _domain.Faults.Overwrite(this, index, contents);

    /// <summary>Whether the page reads as zeroes and has no frame. Throws when the array is closed.</summary>
    internal bool IsUntouched(long index) => IsUntouched(index, Find(index));

    /// <summary>As <see cref="IsUntouched(long)"/>, of a page whose word was found there.</summary>
    internal bool IsUntouched(long index, ulong* page)
    {
        bool untouched = PageWord.IsZeroes(PageWord.Load(page));
        if (untouched && !IsHome(index, page))
        {
            // A node that was found without the lock may be another page's by now.
            untouched = PageWord.IsZeroes(LoadLocked(index));
        }

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
            ulong word = Load(index);
            if (PageWord.IsResident(word) && PageWord.Offset(word) == frame)
            {
                return index;
            }
        }

        return -1;
    }

    private void Wake(ulong* page, bool waiters)
    {
        if (waiters)
        {
            _domain.Parking.Wake(page);
        }
    }
}
