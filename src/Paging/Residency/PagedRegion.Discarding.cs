using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Discard: pages become untouched again, and what kept account of them goes back.</summary>
internal sealed unsafe partial class PagedRegion
{
    /// <summary>How many pages before its turn what hangs on a page is asked for.</summary>
    private const int PrefetchedAhead = 16;

    /// <summary>Zeroes a page by dropping it, without loading it. False when it is pinned: then nothing happened.</summary>
    private bool TryDiscard(long index)
    {
        while (true)
        {
            AwaitOpen();
            ulong* page = Find(index);
            if (!IsHome(index, page))
            {
                switch (DiscardNode(index))
                {
                    case NodeDiscarded.Done:
                        return true;
                    case NodeDiscarded.Pinned:
                        return false;
                    case NodeDiscarded.Busy:
                        _domain.Parking.Wait(page);
                        break;
                }

                continue;
            }

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
                                FreeStored(word);
                                CountOut(index, 1);
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
                        Wake(page, PageWord.CompleteDiscard(page, word));
                        Evictor.GiveBack(Frames, Frames.FrameAt(PageWord.Offset(word)));
                        CountOut(index, 1);
                        return true;
                    }

                    break;

                case PageState.Filling or PageState.Evicting:
                    _domain.Parking.Wait(page);
                    break;

                // Dead, or in a node since.
                default:
                    break;
            }
        }
    }

    /// <summary>Zeroes whole pages by dropping them, in time for what is there: granules in which nothing is are passed over, and of others those pages
    /// that have nodes are looked at, where it is few.</summary>
    /// <returns>The first page that is pinned, with which nothing has happened; <paramref name="end"/> when all have been dropped.</returns>
    internal long Discard(long page, long end)
    {
        long released = page >> GranuleShift;
        while (page < end)
        {
            AwaitOpen();
            long granule = NextTouched(page >> GranuleShift, ((end - 1) >> GranuleShift) + 1);
            if (granule < 0)
            {
                // Who disposes the array at this moment may have taken the marks.
                AwaitOpen();
                break;
            }

            // A few at once, as long as there are neighbours.
            if (granule - released >= MostReleased)
            {
                ReleaseDiscarded(released, Math.Min(granule, released + MostReleased));
                released = granule;
            }

            page = Math.Max(page, granule << GranuleShift);
            long stop = Math.Min(end, (granule + 1) << GranuleShift);
            while (page < stop)
            {
                // Where few are there only those; stored ones in a row are counted out together.
                page = NextInChain(granule, page, stop) is >= 0 and long next ? next : DiscardStored(page, stop);
                if (page == stop)
                {
                    break;
                }

                if (!TryDiscard(page))
                {
                    ReleaseDiscarded(released, granule + 1);
                    return page;
                }

                page++;
            }
        }

        ReleaseDiscarded(released, Math.Min(released + MostReleased, ((end - 1) >> GranuleShift) + 1));
        return end;
    }

    private void ReleaseDiscarded(long granule, long end)
    {
        if (!IsSmall)
        {
            Release(granule, end);
        }
    }

    /// <summary>Zeroes a page whose word is in a node, and gives the node back.</summary>
    private NodeDiscarded DiscardNode(long index)
    {
        // Dispose waits for whoever is about to give back what the page had: once it is out of its chain nobody else finds it.
        if (!_domain.Swap.Rundown.TryEnter())
        {
            return NodeDiscarded.Elsewhere;
        }

        try
        {
            ulong* granule = GranuleOf(index);
            uint node;
            ulong word;
            ulong before = GranuleWord.Enter(granule);
            ulong next = before;
            try
            {
                node = IsClosed ? 0 : FindLocked(index, before);
                if (node == 0)
                {
                    return NodeDiscarded.Elsewhere;
                }

                ulong* page = &_nodes[node]->Word;
                word = PageWord.Load(page);
                switch (PageWord.State(word))
                {
                    case PageState.Resident when PageWord.Pins(word) != 0:
                        return NodeDiscarded.Pinned;
                    case PageState.Untouched or PageState.Swapped when PageWord.TryEnd(page, word, PageState.Gone):
                    case PageState.Resident when PageWord.TryBeginEvict(page, word):
                        next = Unlink(index, node, before);
                        break;
                    case PageState.Filling or PageState.Evicting:
                        return NodeDiscarded.Busy;
                    default:
                        return NodeDiscarded.Elsewhere;
                }
            }
            finally
            {
                GranuleWord.Exit(granule, before, next);
            }

            if (PageWord.IsResident(word))
            {
                ulong* page = &_nodes[node]->Word;
                ReleaseFrame(word);
                Wake(page, PageWord.CompleteEnd(page, word, PageState.Gone));
                Evictor.GiveBack(Frames, Frames.FrameAt(PageWord.Offset(word)));
            }
            else if (PageWord.State(word) == PageState.Swapped)
            {
                FreeStored(word);
            }

            _nodes.Free(node);
            Release(index >> GranuleShift, (index >> GranuleShift) + 1);
            return NodeDiscarded.Done;
        }
        finally
        {
            _domain.Swap.Rundown.Exit();
        }
    }

    /// <summary>Zeroes untouched and stored pages in a row, as <see cref="TryDiscard"/> does, and waits for nothing.</summary>
    /// <returns>The first page that is neither, or <paramref name="end"/>. That one is to be discarded by itself.</returns>
    private long DiscardStored(long index, long end)
    {
        // Dispose waits for whoever is about to free what was stored.
        long first = index;
        if (IsClosing || !_domain.Swap.Rundown.TryEnter())
        {
            return index;
        }

        FreeBatch freed = new(_domain.Swap);
        int dropped = 0;
        try
        {
            for (; index < end && !IsClosing; index++)
            {
                PrefetchStored(Math.Min(index + PrefetchedAhead, end - 1), ref freed);
                ulong word = PageWord.Load(Words + index);
                if (PageWord.State(word) == PageState.Swapped && PageWord.TryDiscardSwapped(Words + index, word))
                {
                    dropped++;
                    FreeStored(word, ref freed);
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
            if (!IsSmall && dropped != 0)
            {
                // Who discards a range gives back what is empty afterwards.
                GranuleWord.SubtractPages(GranuleOf(first), dropped);
            }

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

    private void FreeStored(ulong word)
    {
        FreeBatch freed = new(_domain.Swap);
        FreeStored(word, ref freed);
        freed.Settle();
    }

    /// <summary>Frees what a swapped page was stored as, unless it was zeroes.</summary>
    private static void FreeStored(ulong word, ref FreeBatch freed)
    {
        uint stored = PageWord.Stored(word);
        if (stored != 0)
        {
            freed.Free(stored);
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
        uint stored = Evictor.TakeStored(record);
        if (stored != 0)
        {
            freed.Free(stored);
        }

        if ((word & PageWord.Dirty) != 0)
        {
            Frames.ReleaseDirty();
        }
    }

    private enum NodeDiscarded
    {
        Done,

        /// <summary>Leases are out on the page.</summary>
        Pinned,

        /// <summary>Another thread has the page claimed.</summary>
        Busy,

        /// <summary>It is not there any more, or the pager is being disposed.</summary>
        Elsewhere,
    }
}
