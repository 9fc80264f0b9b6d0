using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Frees what hangs on pages that are taken down for Dispose or discarded: stored copies, counts of dirty frames, and the
/// frames.</summary>
/// <remarks>The caller settles its batch before it waits for anything, and at the end: no other thread knows what was taken out of a page
/// by then (<see cref="FreeBatch"/>).</remarks>
internal static unsafe class PageFreer
{
    /// <summary>How many pages before its turn what hangs on a page is asked for.</summary>
    private const int PrefetchedAhead = 16;

    /// <summary>Asks for what freeing a page will touch, some pages before its turn: its descriptor, or its frame's record.</summary>
    /// <param name="page">The page whose turn it is.</param>
    /// <param name="last">The last page.</param>
    /// <param name="frames">Frames of the array's page size.</param>
    /// <param name="freed">The batch.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch(ulong* page, ulong* last, FrameClass frames, in FreeBatch freed)
    {
        // A hint, on which nothing depends: the word may be another one by the time that the page's turn comes.
        ulong word = Volatile.Read(ref last - page > PrefetchedAhead ? ref page[PrefetchedAhead] : ref *last);
        switch (PageWord.State(word))
        {
            case PageState.Swapped:
                freed.Prefetch(PageWord.Stored(word));
                break;

            case PageState.Resident:
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(frames.RecordOf(PageWord.Offset(word)));
                }

                break;
        }
    }

    /// <summary>Frees what a swapped page was stored as, unless it was zeroes.</summary>
    internal static void FreeStored(ulong word, ref FreeBatch freed)
    {
        uint stored = PageWord.Stored(word);
        if (stored != 0)
        {
            freed.Free(stored);
        }
    }

    /// <summary>Frees what hangs on the frame of a page that the caller has claimed: the stored copy, and the count of dirty
    /// frames.</summary>
    internal static void FreeCopy(ulong word, FrameClass frames, ref FreeBatch freed)
    {
        uint stored = Evictor.TakeStored(frames.RecordOf(PageWord.Offset(word)));
        if (stored != 0)
        {
            freed.Free(stored);
        }

        if ((word & PageWord.Dirty) != 0)
        {
            frames.ReleaseDirty();
        }
    }

    /// <summary>Gives the frame back of a page whose claim has ended.</summary>
    internal static void GiveFrameBack(ulong word, FrameClass frames) => Evictor.GiveBack(frames, frames.FrameAt(PageWord.Offset(word)));
}
