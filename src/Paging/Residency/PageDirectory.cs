using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where the word of each page of an array is. A granule in which few pages were touched keeps their words in nodes. One with more
/// has them in the table, whose memory goes back when all its pages are untouched again. Arrays of one granule have their table
/// throughout.</summary>
/// <remarks>
/// The hit path looks into the linear table only. A page that is in a node is untouched there, or elsewhere, and so comes here. What
/// only the holder of a granule's lock may do is in <see cref="LockedGranule"/>.
///
/// A field of <see cref="PagedRegion"/>, since there are many small arrays, and never copied.
/// </remarks>
internal unsafe partial struct PageDirectory
{
    /// <summary>The most pages of a granule that have nodes: so long is the walk to the last of them.</summary>
    internal const int MaxNodes = 8;

    /// <summary>The most granules that are locked at once to give their memory back.</summary>
    internal const int MaxReleased = 16;

    private readonly ParkingLot _parking;
    private PageTable _table;
    private RegionState _state;

    /// <exception cref="InsufficientMemoryException">The system refuses memory.</exception>
    internal PageDirectory(PagingDomain domain, FrameClass frames, long pageCount)
    {
        _parking = domain.Parking;
        Nodes = domain.Nodes;
        Frames = frames;
        _table = new PageTable(domain, frames, pageCount);
    }

    internal FrameClass Frames { get; }

    internal PageNodes Nodes { get; }

    [UnscopedRef]
    internal ref PageTable Table => ref _table;

    [UnscopedRef]
    internal ref RegionState State => ref _state;

    internal readonly ulong* Words => _table.Words;

    /// <summary>The page's place in the linear table.</summary>
    internal readonly ulong* HomeOf(long index) => Words + index;

    internal readonly bool IsHome(long index, ulong* page) => page == HomeOf(index);

    /// <summary>The word in a node.</summary>
    internal readonly ulong* WordIn(uint node) => &Nodes[node]->Word;

    /// <summary>Locks a granule until the end of the scope. Not for arrays of one granule, which have no mark to lock.</summary>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LockedGranule Lock(long granule) => new(ref this, granule);

    /// <summary>Locks the granule of a page.</summary>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LockedGranule LockOf(long index) => Lock(index >> PageTable.GranuleShift);

    /// <summary>Wakes the threads that are parked on a page, if there are any.</summary>
    internal readonly void Wake(ulong* page, bool waiters)
    {
        if (waiters)
        {
            _parking.Wake(page);
        }
    }

    /// <summary>The page's word, where it was a moment ago.</summary>
    internal ulong Load(long index) => PageWord.Load(Find(index));

    /// <summary>The page's word, read while its granule is locked.</summary>
    internal ulong LoadLocked(long index)
    {
        using LockedGranule granule = LockOf(index);
        uint node = _state.IsClosed ? 0 : granule.NodeOf(index);
        return PageWord.Load(node == 0 ? HomeOf(index) : WordIn(node));
    }

    /// <summary>Where the page's word is; for a page that has no node, its place in the linear table, which shows it untouched.</summary>
    /// <remarks>A page that it shows to be untouched was so. A word in a node can be another page's a moment later. So a thread that pins
    /// or claims it then asks whether it <see cref="IsOf">is this page's</see>.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong* Find(long index)
    {
        ulong* home = HomeOf(index);
        ulong word = PageWord.Load(home);
        return PageWord.State(word) is PageState.Untouched or PageState.Elsewhere && !_table.IsSmall ? FindNode(index, home, word) : home;
    }

    /// <summary>As <see cref="Find"/>, without locking the granule: null when that would take the lock.</summary>
    internal readonly ulong* TryFind(long index)
    {
        ulong* home = HomeOf(index);
        ulong word = PageWord.Load(home);
        return PageWord.State(word) is PageState.Untouched or PageState.Elsewhere && !_table.IsSmall
            ? LookForNode(index, home, word)
            : home;
    }

    /// <summary>The first page from here on, and below <paramref name="stop"/>, that has a node in a granule without a table;
    /// <paramref name="stop"/> when there is none, −1 when the granule has a table.</summary>
    internal long NextInChain(long granule, long index, long stop)
    {
        if (_table.IsSmall)
        {
            return -1;
        }

        using LockedGranule locked = Lock(granule);
        return locked.IsLinear ? -1 : locked.NextInChain(index, stop);
    }

    /// <summary>Untouched or Swapped → Filling, wherever the word is. An untouched page that has no word gets one before it is claimed, so
    /// that the sweep of Dispose finds every claim (rule 4).</summary>
    /// <param name="index">The page.</param>
    /// <param name="page">Its word, and then the one that was claimed.</param>
    /// <param name="word">What it was, and then what it is to be again if the fault fails.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses memory for the table. Nothing has changed.</exception>
    internal bool TryBeginFill(long index, ref ulong* page, ref ulong word)
    {
        if (PageWord.State(word) != PageState.Untouched)
        {
            if (!PageWord.TryBeginFill(page, word))
            {
                return false;
            }

            if (IsOf(index, page))
            {
                return true;
            }

            Wake(page, PageWord.AbandonFill(page, word));
            return false;
        }

        if (_table.IsSmall)
        {
            _table.TouchOnly();
            return PageWord.TryBeginFill(page, word);
        }

        ulong* granule = MarkOf(index);
        Spinner spinner = default;
        while (true)
        {
            ulong mark = GranuleWord.Load(granule);
            if (GranuleWord.Form(mark) != GranuleForm.Linear)
            {
                if (TryBeginFillInNode(index, ref page, ref word, out bool isLinear) || !isLinear)
                {
                    return page != null;
                }

                continue;
            }

            // Counted first: from then on the table stays.
            if (GranuleWord.TryAddPage(granule, mark))
            {
                page = HomeOf(index);
                ulong now = PageWord.Load(page);
                word = PageWord.AtVersion(now, GranuleWord.Version(mark));
                if (PageWord.State(now) == PageState.Untouched && PageWord.TryBeginFill(page, now, word))
                {
                    return true;
                }

                CountOut(index);
                return false;
            }

            spinner.Once();
        }
    }

    /// <summary>Filling → what it was. If that is untouched, the page has no node any more then, and is not counted.</summary>
    internal void AbandonFill(long index, ulong* page, ulong word)
    {
        Wake(page, PageWord.AbandonFill(page, word));
        if (PageWord.State(word) != PageState.Untouched || _table.IsSmall)
        {
            return;
        }

        if (IsHome(index, page))
        {
            CountOut(index);
        }
        else if (!_state.IsClosed)
        {
            Forget(index);
        }
    }

    /// <summary>Counts out a page of a granule's table that is untouched again. The memory goes with the last one.</summary>
    internal void CountOut(long index)
    {
        if (!_table.IsSmall && GranuleWord.Pages(GranuleWord.SubtractPages(MarkOf(index), 1)) == 0)
        {
            long granule = index >> PageTable.GranuleShift;
            Release(granule, granule + 1);
        }
    }

    /// <summary>As <see cref="CountOut"/>, of several pages, but keeps the memory: the caller owes a <see cref="Release"/>.</summary>
    internal void CountOutOnly(long index, int pages)
    {
        if (!_table.IsSmall && pages != 0)
        {
            GranuleWord.SubtractPages(MarkOf(index), pages);
        }
    }

    /// <summary>Linear → Nothing for granules in which every page is untouched and none is about to be claimed. The memory of neighbours
    /// goes in one call.</summary>
    /// <remarks>A late CAS of the clock's expects a resident page, and finds zeroes. Versions go on from the furthest that any word has
    /// come to. So a late reader finds another word when there is a page in the same frame again. Locks are tried, and not waited
    /// for.</remarks>
    internal void Release(long granule, long end)
    {
        ulong* before = stackalloc ulong[MaxReleased];
        ulong* next = stackalloc ulong[MaxReleased];
        while (granule < end)
        {
            int count = 0;
            while (count < MaxReleased && granule + count < end && TryEnterToRelease(granule + count, out before[count], out next[count]))
            {
                count++;
            }

            if (count == 0)
            {
                granule++;
                continue;
            }

            bool isDropped = _table.TryDrop(granule, count);
            for (int i = 0; i < count; i++)
            {
                GranuleWord.Exit(_table.MarkOf(granule + i), before[i], isDropped ? next[i] : before[i]);
            }

            _table.Charge(isDropped ? -(long)count * PageTable.GranuleBytes : 0);
            granule += count;
        }
    }

    private bool TryEnterToRelease(long granule, out ulong before, out ulong next)
    {
        ulong* mark = _table.MarkOf(granule);
        before = GranuleWord.Load(mark);
        next = before;
        if (!GranuleWord.TryEnterEmpty(mark, before))
        {
            return false;
        }

        byte* words = (byte*)_table.WordsOf(granule);
        if (!_state.IsClosed
            && Versions.TryAdvance(words, 1 << PageTable.GranuleShift, sizeof(ulong), GranuleWord.Version(before), out int version))
        {
            next = GranuleWord.Nothing(Remembered(version));
            return true;
        }

        GranuleWord.Exit(mark, before, before);
        return false;
    }

    private readonly ulong* MarkOf(long index) => _table.MarkOf(index >> PageTable.GranuleShift);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* FindNode(long index, ulong* home, ulong word)
    {
        ulong* found = LookForNode(index, home, word);
        return found != null ? found : FindLocked(index, home);
    }

    /// <summary>Where the page's word is, as far as can be told without the granule's lock; else null.</summary>
    private readonly ulong* LookForNode(long index, ulong* home, ulong word)
    {
        uint node;
        if (PageWord.State(word) == PageState.Elsewhere)
        {
            // A page that is pinned or claimed stays where it is; any other moves into the table now.
            node = PageWord.Stored(word);
            ulong* page = WordIn(node);
            ulong there = PageWord.Load(page);
            if (PageNodes.HomeOf(page) == home
                && (PageWord.IsClaimed(there) || (PageWord.IsResident(there) && PageWord.Pins(there) != 0)))
            {
                return page;
            }
        }
        else
        {
            ulong mark = GranuleWord.Load(MarkOf(index));
            if (GranuleWord.Form(mark) != GranuleForm.Sparse && !GranuleWord.IsLocked(mark))
            {
                return home;
            }

            // Others may be changing the chain. A node that is found is a hint, and a page that is not found is looked for again.
            node = GranuleWord.First(mark);
            for (int i = 0; i < MaxNodes && node != 0; i++)
            {
                ulong* found = WordIn(node);
                if (PageNodes.HomeOf(found) == home && PageWord.State(PageWord.Load(found)) != PageState.Gone)
                {
                    return found;
                }

                node = Nodes.Next(node);
            }
        }

        return null;
    }

    /// <summary>Where the page's word is, looked up while its granule is locked. A page that its place in the table says to be elsewhere
    /// moves there first, if it can.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* FindLocked(long index, ulong* home)
    {
        using LockedGranule granule = LockOf(index);
        if (_state.IsClosed)
        {
            return home;
        }

        if (PageWord.State(PageWord.Load(home)) == PageState.Elsewhere)
        {
            granule.TryTakeOver(home);
        }

        uint node = granule.NodeOf(index);
        return node == 0 ? home : WordIn(node);
    }

    /// <summary>Claims an untouched page in a granule that has no table: in a node, or in a table after all, where the granule has too many
    /// nodes or there is no free one.</summary>
    private bool TryBeginFillInNode(long index, ref ulong* page, ref ulong word, out bool isLinear)
    {
        _table.TouchBlock(index >> PageTable.GranuleShift);
        page = null;
        using (LockedGranule granule = LockOf(index))
        {
            // After the lock: either the closer of the array waits for the lock, or we see the array closed.
            isLinear = false;
            if (_state.SeesClosed)
            {
                return false;
            }

            isLinear = granule.IsLinear;
            if (isLinear)
            {
                return false;
            }

            uint node = granule.NodeOf(index);
            if (node == 0)
            {
                node = granule.TryAddNode(index);
            }

            if (node != 0)
            {
                ulong* found = WordIn(node);
                word = PageWord.Load(found);
                if (PageWord.State(word) == PageState.Untouched && PageWord.TryBeginFill(found, word))
                {
                    page = found;
                }

                return page != null;
            }

            granule.MakeLinear();
        }

        isLinear = true;
        _table.Charge(PageTable.GranuleBytes);
        return false;
    }

    /// <summary>Takes the node of a page that a fault has failed to bring in out of its granule, unless another fault has claimed
    /// it.</summary>
    private void Forget(long index)
    {
        uint node;
        bool isEmpty;
        using (LockedGranule granule = LockOf(index))
        {
            node = _state.IsClosed ? 0 : granule.NodeOf(index);
            ulong* page = node == 0 ? null : WordIn(node);
            ulong word = node == 0 ? 0 : PageWord.Load(page);
            if (node != 0 && PageWord.State(word) == PageState.Untouched && PageWord.TryEnd(page, word, PageState.Gone))
            {
                granule.Unlink(index, node);
            }
            else
            {
                node = 0;
            }

            isEmpty = granule.IsLinear && granule.Pages == 0;
        }

        if (node != 0)
        {
            Nodes.Free(node);
        }

        // The last page of the table may be this one, whichever thread took it out of its node.
        if (isEmpty)
        {
            long number = index >> PageTable.GranuleShift;
            Release(number, number + 1);
        }
    }
}
