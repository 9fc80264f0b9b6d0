using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The pages of one array: what they are, and what can be done to a page as a whole. Knows bytes, not elements.</summary>
/// <remarks>Everything here and in the layers below is thread-safe. The faces (arrays, matrices) hold copies of the constants for
/// their fast paths, and a limit that <see cref="Close"/> sets to zero. Where the words of the pages are is known to
/// <see cref="PageDirectory"/>; how pages are dropped to <see cref="Discarder"/>, and how the array ends to
/// <see cref="RegionCloser"/>.</remarks>
internal sealed unsafe class PagedRegion
{
    /// <summary>The most bytes that an array may have: what the reciprocals of odd element sizes are exact for.</summary>
    internal const long MaxBytes = 1L << 45;

    private readonly PagingDomain _domain;
    private readonly int _usedBytes;
    private readonly int _lastUsedBytes;
    private readonly PageBacking? _backing;
    private PageDirectory _pages;
    private RegionAdvice _advice;

    /// <param name="domain">The pager's.</param>
    /// <param name="geometry">How items lie in its pages.</param>
    /// <param name="name">Shown in exceptions.</param>
    /// <param name="policy">How its pages are compressed.</param>
    /// <param name="backing">What untouched pages hold; null for zeroes. The region's from here on, unless this throws.</param>
    internal PagedRegion(PagingDomain domain, Geometry geometry, string? name, CompressionPolicy policy, PageBacking? backing = null)
    {
        _domain = domain;
        _backing = backing;
        Policy = policy;
        LeaseSlot = domain.LeaseSlot;
        FrameClass frames = domain.Frames.Class(geometry.PageBytes);
        _usedBytes = geometry.UsedBytes;
        _lastUsedBytes = geometry.LastUsedBytes;
        Name = name;
        _pages = new PageDirectory(domain, frames, geometry.PageCount);
        try
        {
            IsRegistered = domain.Regions.TryAdd(this);
        }
        finally
        {
            if (!IsRegistered)
            {
                _pages.Table.Undo();
            }
        }
    }

    ~PagedRegion()
    {
        if (IsRegistered)
        {
            new RegionCloser(this, _domain, isFinalizing: true).Finish();
            ReleaseBacking();
        }
    }

    /// <summary>Whether the pager knows it. If not, since its frames' budget was too small, this is nothing that could be used.</summary>
    internal bool IsRegistered { get; }

    internal FrameClass Frames => _pages.Frames;

    /// <summary>Where the words of the pages are.</summary>
    internal ref PageDirectory Pages => ref _pages;

    /// <summary>The linear table. Not every page's word is there: see <see cref="Find"/>.</summary>
    internal ulong* Words => _pages.Words;

    internal long PageCount => _pages.Table.PageCount;

    internal string? Name { get; }

    internal CompressionPolicy Policy { get; }

    /// <summary>What untouched pages hold; null for zeroes.</summary>
    internal PageBacking? Backing => _backing;

    /// <summary>Where the pager's leases are counted: a copy, for the hit path.</summary>
    internal int LeaseSlot { get; }

    /// <summary>Whether pages may be watched instead of their leases being counted. They may not where a thread can have leases on all
    /// frames, and must be known to have them when it waits for a frame; nor where each lease is recorded.</summary>
    internal bool CanBeWatched => Frames.MaxFrames >= _domain.Tuning.MinWatchedFrames && _domain.Tracker is null;

    /// <summary>Whether a part of the table was ever watched. Set by threads with a claim on one of its pages.</summary>
    internal bool WasWatched { get; set; }

    /// <summary>Whether a lease was dropped and not disposed. Its span may be in use still, so the memory stays for good. Set by the
    /// finalizer.</summary>
    internal bool HasLeaked { get; set; }

    /// <summary>The number of the region and of its policy in the pager's tables, while it is known there.</summary>
    internal int PolicyNumber { get; set; }

    /// <summary>A number that no other page has, of this array or another one that is alive.</summary>
    internal ulong IdentityOf(long index) => ((ulong)PolicyNumber << 34) ^ (ulong)index;

    internal bool IsClosing => _pages.State.IsClosing;

    internal bool IsClosed => _pages.State.IsClosed;

    /// <summary>The second look, after a pin: either the closer sees the pin, or this sees that the region is closing (rule 4).</summary>
    internal bool SeesClosing => _pages.State.SeesClosing;

    /// <summary>The second look, after a claim: either the closer waits for the claim, or this sees the region closed (rule 4).</summary>
    internal bool SeesClosed => _pages.State.SeesClosed;

    /// <summary>Ends the array.</summary>
    internal RegionCloser Closer => new(this, _domain, isFinalizing: false);

    /// <summary>Bytes of a page that items lie in, from its beginning: what is stored of it, the same for as long as the array lives.
    /// Nothing reads what a frame holds behind them: that is whatever it held before.</summary>
    internal int UsedBytes(long index) => index == PageCount - 1 ? _lastUsedBytes : _usedBytes;

    internal string Describe() => Name is null ? "the array" : $"array '{Name}'";

    /// <inheritdoc cref="PageDirectory.Find"/>
    internal ulong* Find(long index) => _pages.Find(index);

    /// <inheritdoc cref="PageDirectory.Load"/>
    internal ulong Load(long index) => _pages.Load(index);

    /// <inheritdoc cref="PageDirectory.IsOf"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsOf(long index, ulong* page) => _pages.IsOf(index, page);

    /// <inheritdoc cref="PageDirectory.TryBeginFill"/>
    internal bool TryBeginFill(long index, ref ulong* page, ref ulong word) => _pages.TryBeginFill(index, ref page, ref word);

    /// <inheritdoc cref="PageDirectory.AbandonFill"/>
    internal void AbandonFill(long index, ulong* page, ulong word) => _pages.AbandonFill(index, page, word);

    /// <summary>Pins a page for reading or writing.</summary>
    /// <param name="index">The page.</param>
    /// <param name="write">Whether it will be dirty.</param>
    /// <param name="word">Its word, where it stays as long as the pin is out: the caller owes an <see cref="PageWord.Unpin"/> of
    /// it.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* Pin(long index, bool write, out ulong* word)
    {
        // The hit path does not see what is in a node.
        word = Find(index);
        if (!_pages.IsHome(index, word))
        {
            ulong seen = PageWord.Load(word);
            ulong wanted = PageWord.Resident | (write ? PageWord.Dirty : 0);

            // Whether it is still this page's, asked between the load and the CAS: another array's page is not pinned even for a moment,
            // which its Dispose would take for a lease.
            if ((seen & wanted) == wanted
                && PageWord.Pins(seen) < PageWord.MaxPins - 1
                && IsOf(index, word)
                && PageWord.TryPin(word, seen, PageWord.Referenced))
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
    internal byte* PinForLease(long index, bool write, out ulong* word) => _domain.Leasing.Pin(this, index, write, out word);

    /// <summary>Pins a page for a lease if it is in a frame. If not, it is asked for: a thread of the background brings it in.</summary>
    /// <returns>The page's address; null when the page is not in a frame.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal byte* TryPinForLease(long index, out ulong* word)
    {
        byte* address = _domain.Leasing.TryPin(this, index, out word);
        if (address == null && !IsClosing)
        {
            _domain.Prefetcher.Request(this, index);
        }

        return address;
    }

    /// <inheritdoc cref="LeasePinner.PinForOwner(PagedRegion, long, bool, FaultManner, out ulong*, out bool)"/>
    internal byte* PinForOwner(long index, bool write, FaultManner manner, out ulong* word, out bool isCounted) =>
        _domain.Leasing.PinForOwner(this, index, write, manner, out word, out isCounted);

    /// <inheritdoc cref="LeasePinner.PinForOwner(PagedRegion, long, bool, ref JointAccess, out ulong*, out bool)"/>
    internal byte* PinForOwner(long index, bool isFirst, ref JointAccess access, out ulong* word, out bool isCounted) =>
        _domain.Leasing.PinForOwner(this, index, isFirst, ref access, out word, out isCounted);

    /// <inheritdoc cref="JointAccess.AwaitRoom"/>
    internal void AwaitRoom(ref JointAccess access, long first, long count) =>
        access.AwaitRoom(_domain, this, first, count, more: 0);

    /// <inheritdoc cref="JointAccess.Leave"/>
    internal void Leave(ref JointAccess access) => access.Leave(_domain, this);

    /// <inheritdoc cref="LeasePinner.UnpinForOwner"/>
    internal void UnpinForOwner(ulong* word, bool isCounted) => _domain.Leasing.UnpinForOwner(word, isCounted);

    /// <summary>Refuses to pin more pages at once than there can be frames.</summary>
    internal void CheckPinnable(long pages)
    {
        if (pages > Frames.MaxFrames)
        {
            ThrowHelper.ThrowTooManyPages(_domain, this, pages);
        }
    }

    /// <summary>Where operations on its pages are queued. Whoever adds one wakes the background then.</summary>
    internal OperationQueue Operations => _domain.Prefetcher.Operations;

    internal void WakeBackground() => _domain.Prefetcher.Wake();

    /// <inheritdoc cref="Prefetcher.WindowReaders"/>
    internal int WindowReaders => _domain.Prefetcher.WindowReaders;

    /// <inheritdoc cref="Prefetcher.NoteWindowReader"/>
    internal void NoteWindowReader(int change) => _domain.Prefetcher.NoteWindowReader(change);

    /// <inheritdoc cref="OperationWorker.Work"/>
    internal void WorkOn(OperationPart part) => _domain.Prefetcher.Worker.Work(part);

    /// <summary>Brings a page into a frame without pinning it: see <see cref="PageFetcher.BringIn(PagedRegion, long)"/>.</summary>
    internal BroughtIn BringIn(long index) => _domain.Fetcher.BringIn(this, index);

    /// <summary>Whether pages may be in files: the pager has some, or the array is mapped from one.</summary>
    internal bool MayBeInFiles => _backing is not null || _domain.Swap.Segments.Files.IsAny;

    /// <summary>What time is measured by.</summary>
    internal TimeProvider Time => _domain.Tuning.Time;

    /// <inheritdoc cref="Prefetcher.Prefetch"/>
    internal ValueTask Prefetch(long first, long end, CancellationToken cancellation) =>
        _domain.Prefetcher.Prefetch(this, first, end, cancellation);

    /// <summary>For a thread that is about to go through a range of pages: see <see cref="RangeReads"/>.</summary>
    internal RangeReads ReadsOf(long first, long end) => new(this, _domain.Swap, first, end);

    /// <summary>Notes a page that this thread is about to bring in, in case it is in a file: see <see cref="ReadPlan"/>.</summary>
    internal void NoteRead(PageLoader loader, long index)
    {
        // A word in a node may be another page's by now: then something is read for nothing.
        ulong word = PageWord.Load(Find(index));
        uint stored = PageWord.State(word) == PageState.Swapped ? PageWord.Stored(word) : 0;
        if (stored != 0 && !(_backing is not null && loader.IsDropped(stored)))
        {
            ReadPlan.Note(loader, stored);
        }
        else if (_backing is not null
            && PageWord.State(word) is PageState.Untouched or PageState.Swapped
            && _backing.TryLocate(index, UsedBytes(index), out SourcePiece piece))
        {
            ReadPlan.Note(loader, piece);
        }
    }

    /// <summary>Brings what will be read of a page soon, if it is stored, into the processor's cache: its descriptor, or, once that is
    /// there, the beginning of the page as it is stored. Any page will do, in any state.</summary>
    internal void PrefetchStored(long index, bool isNext)
    {
        ulong* page = Pages.TryFind(index);
        ulong word = page == null ? 0 : PageWord.Load(page);
        uint stored = PageWord.State(word) == PageState.Swapped ? PageWord.Stored(word) : 0;
        if (stored == 0)
        {
            return;
        }

        if (isNext)
        {
            _domain.Swap.Loader.Prefetch(stored);
        }
        else
        {
            _domain.Swap.PrefetchDescriptor(stored);
        }
    }

    /// <inheritdoc cref="RegionAdvice.OnFault"/>
    internal bool OnFault(long index) => _advice.OnFault(this, _domain.Prefetcher.Readahead, index);

    /// <inheritdoc cref="RegionAdvice.NoteFile"/>
    internal void NoteFile() => _advice.NoteFile();

    /// <summary>Does what is advised on a range of pages, and changes no contents.</summary>
    internal void Advise(long first, long end, PageAdvice advice)
    {
        switch (advice)
        {
            case PageAdvice.WillNeed:
                _domain.Prefetcher.Hint(this, first, end);
                break;
            case PageAdvice.Cold:
                new PageAdvisor(this, _domain).Cool(first, end);
                break;
            case PageAdvice.PageOut:
                new PageAdvisor(this, _domain).Evict(first, end);
                break;
            default:
                _advice.Set(this, _domain.Prefetcher.Readahead, advice, first, end);
                break;
        }
    }

    /// <summary>The first page from here on that may need a frame to be read; the number of pages when there is none.</summary>
    internal long NextWanted(long index) => _backing is null ? NextTouched(index) : Math.Min(index, PageCount);

    /// <summary>The first page from here on that may not be untouched; the number of pages when there is none.</summary>
    internal long NextTouched(long index)
    {
        ref PageTable table = ref _pages.Table;
        long granule = index < PageCount ? table.NextTouched(index >> PageTable.GranuleShift, table.Granules) : -1;
        return granule < 0 ? PageCount : Math.Max(index, granule << PageTable.GranuleShift);
    }

    /// <inheritdoc cref="RegionCloner.Clone"/>
    internal PagedRegion Clone(in Geometry geometry) => RegionCloner.Clone(this, geometry, _domain);

    internal void Overwrite(long index, PageContents contents) => _domain.Faults.Overwrite(this, index, contents);

    /// <inheritdoc cref="Discarder.Discard"/>
    internal long Discard(long page, long end) => _backing is null
        ? new Discarder(this, _domain).Discard(page, end)
        : new BackedDiscarder(this, _domain).Discard(page, end);

    /// <summary>Whether a page with this word reads as zeroes and needs no frame for that.</summary>
    internal bool IsZeroes(ulong word) => _backing is null && PageWord.IsUnstored(word);

    /// <summary>Whether all pages from one to another read as zeroes and have no frames.</summary>
    internal bool AreZeroes(long first, long last)
    {
        long page = first;
        if (_backing is null)
        {
            // Past what was never touched, a granule at a time.
            ref PageTable table = ref _pages.Table;
            long granule = table.NextTouched(first >> PageTable.GranuleShift, (last >> PageTable.GranuleShift) + 1);
            page = granule < 0 ? last + 1 : Math.Max(first, granule << PageTable.GranuleShift);
            AwaitOpen();
        }

        for (; page <= last; page++)
        {
            if (!IsZeroes(page))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the page reads as zeroes and has no frame. Throws when the array is closed.</summary>
    internal bool IsZeroes(long index) => IsZeroes(index, Find(index));

    /// <summary>As <see cref="IsZeroes(long)"/>, of a page whose word was found there.</summary>
    internal bool IsZeroes(long index, ulong* page)
    {
        bool zeroes = IsZeroes(PageWord.Load(page));
        if (zeroes && !_pages.IsHome(index, page))
        {
            // A node that was found without the lock may be another page's by now.
            zeroes = IsZeroes(_pages.LoadLocked(index));
        }

        if (zeroes)
        {
            AwaitOpen();
        }

        return zeroes;
    }

    /// <summary>Makes sure that there is a frame of the page size, which then stays one. What is in a file is there from the beginning,
    /// and can be read however full the pager is (rule 8).</summary>
    /// <exception cref="OutOfPagingSpaceException">There is none, and none can be made free.</exception>
    internal void KeepFrame()
    {
        Shortage shortage = default;
        if (Frames.Frames == 0)
        {
            long frame = _domain.Reclaimer.Take(Frames, dirties: false, default, ref shortage);
            if (frame < 0)
            {
                ThrowHelper.ThrowOutOfSpace(_domain, this, write: false, shortage);
            }

            Frames.GiveBack(frame);
        }
    }

    /// <summary>Lets go of what backs the array. No page is brought in any more. May be called again.</summary>
    internal void ReleaseBacking() => _backing?.Release();

    /// <summary>The page, from <paramref name="first"/> to <paramref name="last"/>, in whose frame an address lies; −1 when it is none of
    /// them.</summary>
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

    /// <summary>Returns when the region is open. Waits while another thread decides whether it can be closed, holding no pin.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AwaitOpen()
    {
        if (IsClosing)
        {
            AwaitOpenSlow();
        }
    }

    /// <summary>Whether the region is open now. False while another thread decides whether it can be closed.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    internal bool IsOpenNow()
    {
        if (!IsClosing)
        {
            return true;
        }

        ThrowIfClosed();
        return false;
    }

    /// <inheritdoc cref="RegionCloser.Close"/>
    internal void Close(string what) => Closer.Close(what);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AwaitOpenSlow()
    {
        Spinner spinner = default;
        while (IsClosing)
        {
            ThrowIfClosed();
            spinner.Once();
        }
    }

    private void ThrowIfClosed()
    {
        _domain.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(IsClosed, _pages.State.Face ?? (object)this);
    }
}
