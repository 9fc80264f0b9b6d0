using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pages whose words are in nodes: under the lock of their granule (<see cref="GranuleWord"/>) they get one, move into the table, and leave.</summary>
internal sealed unsafe partial class PagedRegion
{
    private ulong LoadLocked(long index)
    {
        ulong* granule = GranuleOf(index);
        ulong mark = GranuleWord.Enter(granule);
        uint node = IsClosed ? 0 : FindLocked(index, mark);
        ulong word = PageWord.Load(node == 0 ? Words + index : &_nodes[node]->Word);
        GranuleWord.Exit(granule, mark, mark);
        return word;
    }

    /// <summary>The node of a page; 0 when its word is in the table, or nowhere. In the locked granule.</summary>
    private uint FindLocked(long index, ulong mark)
    {
        ulong* home = Words + index;
        if (GranuleWord.Form(mark) == GranuleForm.Linear)
        {
            ulong word = PageWord.Load(home);
            return PageWord.State(word) == PageState.Elsewhere ? PageWord.Stored(word) : 0;
        }

        uint node = GranuleWord.First(mark);
        while (node != 0 && PageNodes.HomeOf(&_nodes[node]->Word) != home)
        {
            node = _nodes.Next(node);
        }

        return node;
    }

    /// <summary>The first page from here on, and below <paramref name="stop"/>, that has a node in a granule without a table; <paramref name="stop"/> when
    /// there is none, −1 when the granule has a table.</summary>
    private long NextInChain(long granule, long index, long stop)
    {
        if (IsSmall)
        {
            return -1;
        }

        ulong mark = GranuleWord.Enter(Marks + granule);
        long first = stop;
        bool isLinear = GranuleWord.Form(mark) == GranuleForm.Linear;
        for (uint node = isLinear ? 0 : GranuleWord.First(mark); node != 0; node = _nodes.Next(node))
        {
            long page = PageNodes.HomeOf(&_nodes[node]->Word) - Words;
            first = page >= index ? Math.Min(first, page) : first;
        }

        GranuleWord.Exit(Marks + granule, mark, mark);
        return isLinear ? -1 : first;
    }

    /// <summary>Claims an untouched page in a granule that has no table: in a node, or, where there are too many or none is to be had, in a table after all.</summary>
    private bool TryBeginFillInNode(long index, ulong* granule, ref ulong* page, ref ulong word, out bool isLinear)
    {
        TouchBlock(index >> GranuleShift);
        page = null;
        isLinear = false;
        bool isNew = false;
        ulong before = GranuleWord.Enter(granule);
        ulong next = before;
        try
        {
            // Behind the lock: who closes the array waits for it, or we see that.
            if (SeesClosed)
            {
                return false;
            }

            isLinear = GranuleWord.Form(before) == GranuleForm.Linear;
            if (isLinear)
            {
                return false;
            }

            uint node = FindLocked(index, before);
            if (node == 0)
            {
                node = ChainLength(before) < MostNodes ? _nodes.Take(Words + index) : 0;
                if (node == 0)
                {
                    next = MakeLinear(index >> GranuleShift, before);
                    isLinear = true;
                    isNew = true;
                    return false;
                }

                _nodes.SetNext(node, GranuleWord.First(before));
                next = GranuleWord.WithFirst(before, node);
            }

            ulong* found = &_nodes[node]->Word;
            word = PageWord.Load(found);
            if (PageWord.State(word) == PageState.Untouched && PageWord.TryBeginFill(found, word))
            {
                page = found;
            }

            return page != null;
        }
        finally
        {
            GranuleWord.Exit(granule, before, next);
            if (isNew)
            {
                CountTable(GranuleBytes);
            }
        }
    }

    private int ChainLength(ulong mark)
    {
        int length = 0;
        for (uint node = GranuleWord.First(mark); node != 0; node = _nodes.Next(node))
        {
            length++;
        }

        return length;
    }

    /// <summary>Sparse or Nothing → Linear, in the locked granule: the pages that have nodes are elsewhere, and move into the table as soon as nobody has them pinned or
    /// claimed.</summary>
    private ulong MakeLinear(long granule, ulong mark)
    {
        TestHook.MayFail(FailurePoint.TableMemory);
        _table.MakeWritable((byte*)(Words + (granule << GranuleShift)), GranuleBytes);
        int pages = 0;
        for (uint node = GranuleWord.First(mark); node != 0; node = _nodes.Next(node))
        {
            PageWord.PutElsewhere(PageNodes.HomeOf(&_nodes[node]->Word), node, GranuleWord.Version(mark));
            pages++;
        }

        ulong linear = GranuleWord.Linear(pages, GranuleWord.Version(mark));
        for (uint node = GranuleWord.First(mark); node != 0;)
        {
            uint next = _nodes.Next(node);
            TryTakeOver(PageNodes.HomeOf(&_nodes[node]->Word), ref linear);
            node = next;
        }

        return linear;
    }

    /// <summary>Moves a page from its node into the table, in the locked granule, unless somebody has it pinned or claimed.</summary>
    private void TryTakeOver(ulong* home, ref ulong mark)
    {
        uint node = PageWord.Stored(PageWord.Load(home));
        ulong* page = &_nodes[node]->Word;
        ulong word = PageWord.Load(page);
        bool waiters = false;
        switch (PageWord.State(word))
        {
            case PageState.Untouched when PageWord.TryEnd(page, word, PageState.Gone):
                PageWord.TakeOver(home, 0);
                mark = GranuleWord.WithoutPage(mark);
                break;

            case PageState.Swapped when PageWord.TryEnd(page, word, PageState.Gone):
                PageWord.TakeOver(home, word);
                break;

            // Claimed as an evictor does: nobody else changes the frame's record.
            case PageState.Resident when PageWord.Pins(word) == 0 && PageWord.TryBeginEvict(page, word):
                Shared.Write(SharedWord.FrameRecord, (nint*)&Frames.RecordOf(PageWord.Offset(word))->Page, (nint)home);
                PageWord.TakeOver(home, word);
                waiters = PageWord.CompleteEnd(page, word, PageState.Gone);
                break;

            default:
                return;
        }

        Wake(page, waiters);
        _nodes.Free(node);
    }

    /// <summary>Takes the node of a page that a fault has failed to bring in out of its granule, unless another one has claimed it.</summary>
    private void Forget(long index)
    {
        ulong* granule = GranuleOf(index);
        ulong before = GranuleWord.Enter(granule);
        ulong next = before;
        uint node = IsClosed ? 0 : FindLocked(index, before);
        ulong* page = node == 0 ? null : &_nodes[node]->Word;
        ulong word = node == 0 ? 0 : PageWord.Load(page);
        bool forgotten = node != 0 && PageWord.State(word) == PageState.Untouched && PageWord.TryEnd(page, word, PageState.Gone);
        if (forgotten)
        {
            next = Unlink(index, node, before);
        }

        GranuleWord.Exit(granule, before, next);
        if (forgotten)
        {
            _nodes.Free(node);
        }

        // The last page may be this one, whoever took it out of its node.
        if (GranuleWord.Form(next) == GranuleForm.Linear && GranuleWord.Pages(next) == 0)
        {
            long number = index >> GranuleShift;
            Release(number, number + 1);
        }
    }

    /// <summary>Takes a node out of its chain, or a page out of the count of those in the table, whose word is no longer anybody's to claim. In the
    /// locked granule.</summary>
    /// <returns>What the granule is to be.</returns>
    private ulong Unlink(long index, uint node, ulong mark)
    {
        if (GranuleWord.Form(mark) == GranuleForm.Linear)
        {
            PageWord.TakeOver(Words + index, 0);
            return GranuleWord.WithoutPage(mark);
        }

        uint first = GranuleWord.First(mark);
        if (first == node)
        {
            return GranuleWord.WithFirst(mark, _nodes.Next(node));
        }

        uint before = first;
        while (_nodes.Next(before) != node)
        {
            before = _nodes.Next(before);
        }

        _nodes.SetNext(before, _nodes.Next(node));
        return mark;
    }
}
