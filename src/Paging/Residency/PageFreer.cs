using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Frees what hangs on pages that are taken down for Dispose or discarded: stored copies, counts of dirty frames, and the frames.
/// Many in a row are settled together.</summary>
/// <remarks>The holder settles it before it waits for anything, and at the end: no other thread knows what was taken out of a page by then
/// (<see cref="FreeBatch"/>).</remarks>
internal unsafe ref struct PageFreer(PageDirectory pages, SwapStore swap)
{
    /// <summary>How many pages before its turn what hangs on a page is asked for.</summary>
    private const int PrefetchedAhead = 16;

    private readonly PageDirectory _pages = pages;
    private FreeBatch _freed = new(swap);

    /// <summary>Asks for what freeing a page will touch, some pages before its turn: its descriptor, or its frame's record.</summary>
    /// <param name="index">The page whose turn it is.</param>
    /// <param name="end">Where the pages end.</param>
    internal readonly void Prefetch(long index, long end)
    {
        // A hint, on which nothing depends: the word may be another one by the time that the page's turn comes.
        ulong word = Volatile.Read(ref _pages.Words[Math.Min(index + PrefetchedAhead, end - 1)]);
        switch (PageWord.State(word))
        {
            case PageState.Swapped:
                _freed.Prefetch(PageWord.Stored(word));
                break;

            case PageState.Resident:
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(_pages.Frames.RecordOf(PageWord.Offset(word)));
                }

                break;
        }
    }

    /// <summary>Frees what a swapped page was stored as, unless it was zeroes.</summary>
    internal void FreeStored(ulong word)
    {
        uint stored = PageWord.Stored(word);
        if (stored != 0)
        {
            _freed.Free(stored);
        }
    }

    /// <summary>Frees what hangs on the frame of a page that the caller has claimed: the stored copy, and the count of dirty
    /// frames.</summary>
    internal void FreeCopy(ulong word)
    {
        FrameRecord* record = _pages.Frames.RecordOf(PageWord.Offset(word));
        uint stored = Evictor.TakeStored(record);
        if (stored != 0)
        {
            _freed.Free(stored);
        }

        if ((word & PageWord.Dirty) != 0)
        {
            _pages.Frames.ReleaseDirty();
        }
    }

    /// <summary>Gives the frame back of a page whose claim has ended.</summary>
    internal readonly void GiveFrameBack(ulong word) =>
        Evictor.GiveBack(_pages.Frames, _pages.Frames.FrameAt(PageWord.Offset(word)));

    /// <summary>Pays what is owed. Nothing is held afterwards.</summary>
    internal void Settle() => _freed.Settle();
}
