using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where the word of a page is. A granule in which few pages were touched keeps them in nodes; one with more has a table, which goes back
/// when all of them are untouched again. Arrays of one granule have their table throughout.</summary>
/// <remarks>The hit path looks into the linear table only, where a page that is in a node is untouched, or elsewhere, and so comes here.</remarks>
internal sealed unsafe partial class PagedRegion
{
    /// <summary>Words in a granule of the page table.</summary>
    private const int GranuleShift = 9;
    private const int GranuleBytes = sizeof(ulong) << GranuleShift;
    private const int MarkBytes = sizeof(ulong);

    /// <summary>Granules that share a mark of their own, so that what is not there is passed over quickly.</summary>
    private const int BlockShift = 9;
    private const int BlockBytes = MarkBytes << BlockShift;

    /// <summary>Pages of a granule that have nodes, at most: so long is the walk to the last of them.</summary>
    internal const int MostNodes = 8;

    /// <summary>Granules that are locked at once, at most, to give their memory back.</summary>
    private const int MostReleased = 16;

    private readonly PageNodes _nodes;

    /// <summary>The mark of the granule where there is only one: most arrays are small, and there are many.</summary>
    private int _onlyMark;

    private long Granules => ((PageCount - 1) >> GranuleShift) + 1;

    private bool IsSmall => PageCount <= 1 << GranuleShift;

    /// <summary>Whether a word is in the array's table, and not in a node.</summary>
    internal bool IsInTable(ulong* page) => page >= Words && page < Words + PageCount;

    private bool IsHome(long index, ulong* page) => page == Words + index;

    /// <summary>The page's word, where it was a moment ago.</summary>
    internal ulong Load(long index) => PageWord.Load(Find(index));

    /// <summary>Where the page's word is; for a page that has no node, its place in the linear table, which shows it untouched.</summary>
    /// <remarks>What it shows to be untouched was so. A word in a node can be another page's a moment later: who pins or claims it asks then whether
    /// it <see cref="IsOf">is this one's</see>.</remarks>
    internal ulong* Find(long index)
    {
        ulong* home = Words + index;
        ulong word = PageWord.Load(home);
        return PageWord.State(word) is PageState.Untouched or PageState.Elsewhere && !IsSmall ? FindNode(index, home, word) : home;
    }

    /// <summary>Untouched or Swapped → Filling, wherever the word is. An untouched page that has none gets one: before it is claimed, so that the sweep of Dispose
    /// finds every claim (rule 4).</summary>
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

        if (IsSmall)
        {
            TouchOnly();
            return PageWord.TryBeginFill(page, word);
        }

        ulong* granule = GranuleOf(index);
        Spinner spinner = default;
        while (true)
        {
            ulong mark = GranuleWord.Load(granule);
            if (GranuleWord.Form(mark) != GranuleForm.Linear)
            {
                if (TryBeginFillInNode(index, granule, ref page, ref word, out bool isLinear) || !isLinear)
                {
                    return page != null;
                }

                continue;
            }

            // Counted first: from then on the table stays.
            if (GranuleWord.TryAddPage(granule, mark))
            {
                page = Words + index;
                ulong now = PageWord.Load(page);
                word = PageWord.AtVersion(now, GranuleWord.Version(mark));
                if (PageWord.State(now) == PageState.Untouched && PageWord.TryBeginFill(page, now, word))
                {
                    return true;
                }

                CountOut(index, 1);
                return false;
            }

            spinner.Once();
        }
    }

    /// <summary>Filling → what it was. An untouched page has no node any more then, and is not counted.</summary>
    internal void AbandonFill(long index, ulong* page, ulong word)
    {
        Wake(page, PageWord.AbandonFill(page, word));
        if (PageWord.State(word) != PageState.Untouched || IsSmall)
        {
            return;
        }

        if (IsHome(index, page))
        {
            CountOut(index, 1);
        }
        else if (!IsClosed)
        {
            Forget(index);
        }
    }

    private ulong* GranuleOf(long index) => Marks + (index >> GranuleShift);

    private ulong* Marks => Words + (Granules << GranuleShift);

    private byte* BlockMark(long granule) => (byte*)(Marks + Granules) + (granule >> BlockShift);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* FindNode(long index, ulong* home, ulong word)
    {
        ulong* granule = GranuleOf(index);
        uint node;
        if (PageWord.State(word) == PageState.Elsewhere)
        {
            // A page that is pinned or claimed stays where it is; any other moves into the table now.
            node = PageWord.Stored(word);
            ulong there = PageWord.Load(&_nodes[node]->Word);
            if (PageNodes.HomeOf(&_nodes[node]->Word) == home && (PageWord.IsClaimed(there) || (PageWord.IsResident(there) && PageWord.Pins(there) != 0)))
            {
                return &_nodes[node]->Word;
            }
        }
        else
        {
            ulong mark = GranuleWord.Load(granule);
            if (GranuleWord.Form(mark) != GranuleForm.Sparse && !GranuleWord.IsLocked(mark))
            {
                return home;
            }

            // Others may be changing the chain. What is found is a hint, and what is not found is looked for again.
            node = GranuleWord.First(mark);
            for (int i = 0; i < MostNodes && node != 0; i++)
            {
                PageNode* found = _nodes[node];
                if (PageNodes.HomeOf(&found->Word) == home && PageWord.State(PageWord.Load(&found->Word)) != PageState.Gone)
                {
                    return &found->Word;
                }

                node = _nodes.Next(node);
            }
        }

        ulong before = GranuleWord.Enter(granule);
        ulong next = before;
        try
        {
            if (!IsClosed)
            {
                if (PageWord.State(PageWord.Load(home)) == PageState.Elsewhere)
                {
                    TryTakeOver(home, ref next);
                }

                node = FindLocked(index, next);
                return node == 0 ? home : &_nodes[node]->Word;
            }

            return home;
        }
        finally
        {
            GranuleWord.Exit(granule, before, next);
        }
    }

    /// <summary>Pages of the table that are untouched again. With the last one its memory goes.</summary>
    private void CountOut(long index, int pages)
    {
        if (!IsSmall && GranuleWord.Pages(GranuleWord.SubtractPages(GranuleOf(index), pages)) == 0)
        {
            long granule = index >> GranuleShift;
            Release(granule, granule + 1);
        }
    }

    /// <summary>Linear → Nothing for granules of which no page is anything but untouched, or about to be. The memory of neighbours goes in one call.</summary>
    /// <remarks>A late CAS of the clock's expects a resident page, and finds zeroes. Versions go on from the furthest that any word has come to, so that a late
    /// reader finds another word when there is a page in the same frame again. Locks are tried, and not waited for.</remarks>
    private void Release(long granule, long end)
    {
        ulong* before = stackalloc ulong[MostReleased];
        ulong* next = stackalloc ulong[MostReleased];
        while (granule < end)
        {
            int count = 0;
            while (count < MostReleased && granule + count < end && TryEnterToRelease(granule + count, out before[count], out next[count]))
            {
                count++;
            }

            if (count == 0)
            {
                granule++;
                continue;
            }

            bool isDropped = _table.TryDrop((byte*)(Words + (granule << GranuleShift)), (long)count * GranuleBytes);
            for (int i = 0; i < count; i++)
            {
                GranuleWord.Exit(Marks + granule + i, before[i], isDropped ? next[i] : before[i]);
            }

            CountTable(isDropped ? -(long)count * GranuleBytes : 0);
            granule += count;
        }
    }

    private bool TryEnterToRelease(long granule, out ulong before, out ulong next)
    {
        before = GranuleWord.Load(Marks + granule);
        next = before;
        if (!GranuleWord.TryEnterEmpty(Marks + granule, before))
        {
            return false;
        }

        if (!IsClosed
            && Versions.TryAdvance((byte*)(Words + (granule << GranuleShift)), 1 << GranuleShift, sizeof(ulong), GranuleWord.Version(before), out int version))
        {
            next = GranuleWord.Nothing(Remembered(version));
            return true;
        }

        GranuleWord.Exit(Marks + granule, before, before);
        return false;
    }

    /// <summary>Marks the only granule as used, and makes it writable. Before the first CAS on a page's word, which makes it visible.</summary>
    private void TouchOnly()
    {
        if (Shared.Read(SharedWord.PageTable, ref _onlyMark) == 0)
        {
            // Before the mark: who finds it set writes.
            TestHook.MayFail(FailurePoint.TableMemory);
            _table.MakeWritable((byte*)Words, _tableTaken);
            if (Shared.Exchange(SharedWord.PageTable, ref _onlyMark, 1) == 0)
            {
                CountTable(_tableTaken);
            }
        }
    }

    /// <summary>Before the first lock of a granule of the block, a full fence, which is before the look at whether the array is closed (rule 4).</summary>
    private void TouchBlock(long granule)
    {
        if (Shared.Read(SharedWord.PageTable, BlockMark(granule)) == 0)
        {
            // Bytes of others are beside it, and whoever is first counts the memory of the marks.
            if (Shared.Exchange(SharedWord.PageTable, BlockMark(granule), 1) == 0)
            {
                CountTable(BlockBytes);
            }
        }
    }

    /// <summary>The first granule from here on, and below <paramref name="end"/>, in which there may be anything; −1 when there is none.</summary>
    /// <remarks>Who touches one sets the block's mark, then locks the granule, a full fence behind that (rule 4).</remarks>
    private long NextTouched(long granule, long end)
    {
        if (IsSmall)
        {
            TestHook.Reach(SharedWord.PageTable);
            return granule < end && Volatile.Read(ref _onlyMark) != 0 ? granule : -1;
        }

        while (granule < end)
        {
            if (Shared.Read(SharedWord.PageTable, BlockMark(granule)) == 0)
            {
                granule = ((granule >> BlockShift) + 1) << BlockShift;
                continue;
            }

            if (GranuleWord.IsUsed(GranuleWord.Load(Marks + granule)))
            {
                return granule;
            }

            granule++;
        }

        return -1;
    }

    /// <summary>Counts table memory as this region's.</summary>
    private void CountTable(long change)
    {
        Interlocked.Add(ref _tableBytes, change);
        _domain.CountTableBytes(change);
        _domain.Pressure.Set(ref _toldBytes, Math.Min(Volatile.Read(ref _tableBytes) / sizeof(ulong), PageCount) * Frames.PageBytes);
    }
}
