using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A granule that the calling thread has locked (<see cref="GranuleWord"/>), until the end of the scope. Only this thread changes
/// which of its pages have nodes: they get one, move into the table, and leave.</summary>
internal unsafe ref struct LockedGranule
{
    private readonly ref PageDirectory _pages;
    private readonly long _number;
    private readonly ulong* _word;
    private readonly ulong _before;

    /// <summary>What the granule's word is to be when it is unlocked.</summary>
    private ulong _next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LockedGranule(ref PageDirectory pages, long granule)
    {
        _pages = ref pages;
        _number = granule;
        _word = pages.Table.MarkOf(granule);
        _before = GranuleWord.Enter(_word);
        _next = _before;
    }

    /// <summary>Whether the words of its pages are in the table, except those that the table says to be elsewhere.</summary>
    internal readonly bool IsLinear => GranuleWord.Form(_next) == GranuleForm.Linear;

    /// <summary>Pages counted in the table.</summary>
    internal readonly int Pages => GranuleWord.Pages(_next);

    /// <summary>The first node of the chain; 0 when there is none, as in a linear granule.</summary>
    internal readonly uint First => GranuleWord.First(_next);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Dispose() => GranuleWord.Exit(_word, _before, _next);

    /// <summary>The node of a page; 0 when its word is in the table, or nowhere.</summary>
    internal readonly uint NodeOf(long index)
    {
        ulong* home = _pages.HomeOf(index);
        if (IsLinear)
        {
            ulong word = PageWord.Load(home);
            return PageWord.State(word) == PageState.Elsewhere ? PageWord.Stored(word) : 0;
        }

        uint node = First;
        while (node != 0 && PageNodes.HomeOf(_pages.WordIn(node)) != home)
        {
            node = _pages.Nodes.Next(node);
        }

        return node;
    }

    /// <summary>The first page from here on, and below <paramref name="stop"/>, that has a node in the chain; <paramref name="stop"/> when
    /// there is none.</summary>
    internal readonly long NextInChain(long index, long stop)
    {
        long first = stop;
        for (uint node = First; node != 0; node = _pages.Nodes.Next(node))
        {
            long page = PageNodes.HomeOf(_pages.WordIn(node)) - _pages.Words;
            first = page >= index ? Math.Min(first, page) : first;
        }

        return first;
    }

    /// <summary>Gives a page without a word a node, in a granule that is not linear. 0 when there are too many, or none is to be
    /// had.</summary>
    internal uint TryAddNode(long index)
    {
        uint node = ChainLength() < PageDirectory.MaxNodes ? _pages.Nodes.Take(_pages.HomeOf(index)) : 0;
        if (node != 0)
        {
            _pages.Nodes.SetNext(node, First);
            _next = GranuleWord.WithFirst(_next, node);
        }

        return node;
    }

    /// <summary>Sparse or Nothing → Linear: the pages that have nodes are elsewhere, and move into the table as soon as no thread has them
    /// pinned or claimed. The caller charges the table for the granule when it is unlocked.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses memory for the table. Nothing has changed.</exception>
    internal void MakeLinear()
    {
        _pages.Table.MakeWritable(_number);
        uint first = First;
        int version = GranuleWord.Version(_next);
        int pages = 0;
        for (uint node = first; node != 0; node = _pages.Nodes.Next(node))
        {
            PageWord.PutElsewhere(PageNodes.HomeOf(_pages.WordIn(node)), node, version);
            pages++;
        }

        _next = GranuleWord.Linear(pages, version);
        for (uint node = first; node != 0;)
        {
            uint next = _pages.Nodes.Next(node);
            TryTakeOver(PageNodes.HomeOf(_pages.WordIn(node)));
            node = next;
        }
    }

    /// <summary>Nothing → Linear, for a clone of pages that no thread but the caller knows yet.</summary>
    /// <inheritdoc cref="MakeLinear" path="/exception"/>
    internal void MakeLinearForClone()
    {
        Debug.Assert(GranuleWord.Form(_next) == GranuleForm.Nothing, "nobody has touched the clone");
        MakeLinear();
    }

    /// <summary>Counts pages that the caller has put into the table of a granule that was made for a clone.</summary>
    internal void CountIn(int pages) => _next = GranuleWord.WithPages(_next, pages);

    /// <summary>Moves a page from its node into the table, where its word says Elsewhere, unless a thread has it pinned or
    /// claimed.</summary>
    internal void TryTakeOver(ulong* home)
    {
        uint node = PageWord.Stored(PageWord.Load(home));
        ulong* page = _pages.WordIn(node);
        ulong word = PageWord.Load(page);
        bool waiters = false;
        switch (PageWord.State(word))
        {
            case PageState.Untouched when PageWord.TryEnd(page, word, PageState.Gone):
                PageWord.TakeOver(home, 0);
                _next = GranuleWord.WithoutPage(_next);
                break;

            case PageState.Swapped when PageWord.TryEnd(page, word, PageState.Gone):
                PageWord.TakeOver(home, word);
                break;

            // Claimed as an evictor does: nobody else changes the frame's record.
            case PageState.Resident when PageWord.Pins(word) == 0 && PageWord.TryBeginEvict(page, word):
                Shared.Write(SharedWord.FrameRecord, (nint*)&_pages.Frames.RecordOf(PageWord.Offset(word))->Page, (nint)home);
                PageWord.TakeOver(home, word);
                waiters = PageWord.CompleteEnd(page, word, PageState.Gone);
                break;

            default:
                return;
        }

        _pages.Wake(page, waiters);
        _pages.Nodes.Free(node);
    }

    /// <summary>Takes a page out: its node out of the chain, or the page out of the count of those in the table. No thread can claim the
    /// word in the node any more.</summary>
    internal void Unlink(long index, uint node)
    {
        if (IsLinear)
        {
            PageWord.TakeOver(_pages.HomeOf(index), 0);
            _next = GranuleWord.WithoutPage(_next);
            return;
        }

        if (First == node)
        {
            UnlinkFirst();
            return;
        }

        PageNodes nodes = _pages.Nodes;
        uint before = First;
        while (nodes.Next(before) != node)
        {
            before = nodes.Next(before);
        }

        nodes.SetNext(before, nodes.Next(node));
    }

    /// <summary>Takes the first node out of the chain.</summary>
    internal void UnlinkFirst() => _next = GranuleWord.WithFirst(_next, _pages.Nodes.Next(First));

    private readonly int ChainLength()
    {
        int length = 0;
        for (uint node = First; node != 0; node = _pages.Nodes.Next(node))
        {
            length++;
        }

        return length;
    }
}
