using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What came of an attempt to share a page.</summary>
internal enum Sharing
{
    /// <summary>The caller has a reference, or there is nothing to have one of.</summary>
    Done,

    /// <summary>The page has changed meanwhile. Look again.</summary>
    Changed,

    /// <summary>There is no stored copy, or there are as many references to it as there can be.</summary>
    Impossible,
}

/// <summary>Gets references to what pages of an array are stored as, for a clone of it, while other threads use the array.</summary>
/// <remarks>A reference is added to what a page's word, or the record of its frame, named between two looks at the word that found it
/// unchanged. So the page had a reference all the time, and the descriptor's tag, read in between, was that of its copy. If a reference
/// with this tag cannot be added any more, the caller looks at the page again (rule 10).</remarks>
/// <param name="source">The array.</param>
/// <param name="domain">Its pager's.</param>
internal readonly unsafe ref partial struct PageSharer(PagedRegion source, PagingDomain domain)
{
    /// <summary>Pages that are shared at once, at most: one for each bit of a word.</summary>
    internal const int BatchPages = 64;

    private DescriptorTable Descriptors => domain.Swap.Descriptors;

    /// <summary>Adds a reference to what a page is stored as.</summary>
    /// <param name="page">The page's word.</param>
    /// <param name="word">What it was.</param>
    /// <param name="stored">The descriptor, with a reference that is the caller's; 0 for a page that holds what untouched ones do.</param>
    internal Sharing TryShare(ulong* page, ulong word, out uint stored)
    {
        stored = 0;
        switch (PageWord.State(word))
        {
            case PageState.Swapped:
                stored = PageWord.Stored(word);
                break;
            case PageState.Resident when (word & PageWord.Dirty) == 0:
                stored = Shared.Read(SharedWord.FrameRecord, &source.Frames.RecordOf(PageWord.Offset(word))->Stored);
                break;
            case PageState.Resident:
                return Sharing.Impossible;
            default:
                return Sharing.Changed;
        }

        ulong id = stored != 0 ? Descriptors.Id(stored) : 0;
        if (!IsSame(page, word))
        {
            return Sharing.Changed;
        }

        if (stored == 0 || Descriptors.TryAddReference(id, out bool isFull))
        {
            return Sharing.Done;
        }

        return isFull ? Sharing.Impossible : Sharing.Changed;
    }

    /// <summary>As <see cref="TryShare"/>, for those of a batch of pages that are stored and in no frame. All are looked at, twice, before
    /// the first reference is added, so that reads of descriptors, which lie anywhere in memory, do not wait for one another between
    /// interlocked operations. Optimised at the first call: a program may clone once, and this is most of the work.</summary>
    /// <remarks>A reference is added by a CAS from the life word that was read between the two looks: it is one to what the page was stored
    /// as then, however much later it is added (rule 10).</remarks>
    /// <param name="pages">The words of pages in a row.</param>
    /// <param name="count">How many, at most <see cref="BatchPages"/>.</param>
    /// <param name="following">How many more there are behind them, which may be the next to be shared.</param>
    /// <param name="words">Receives what the words were.</param>
    /// <param name="others">Receives a bit for each page that is not untouched, and was not shared.</param>
    /// <returns>A bit for each page that was shared: a reference is the caller's.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal ulong ShareStored(ulong* pages, int count, int following, ulong* words, out ulong others)
    {
        DescriptorTable descriptors = Descriptors;
        ulong* lives = stackalloc ulong[BatchPages];
        int ahead = AreScattered(pages, count) ? Math.Min(following, count) : 0;
        ulong stored = 0;
        ulong left = 0;
        for (int i = 0; i < count; i++)
        {
            if (i < ahead)
            {
                Prefetch(descriptors, pages + count + i);
            }

            ulong word = PageWord.Load(pages + i);
            words[i] = word;
            if (!PageWord.IsStored(word))
            {
                left |= PageWord.IsUnstored(word) ? 0 : 1UL << i;
                continue;
            }

            lives[i] = descriptors.LifeOf(PageWord.Stored(word));
            if (IsStillStored(pages + i, word))
            {
                stored |= 1UL << i;
            }
            else
            {
                left |= 1UL << i;
            }
        }

        ulong shared = 0;
        for (ulong bits = stored; bits != 0; bits &= bits - 1)
        {
            int i = BitOperations.TrailingZeroCount(bits);
            if (descriptors.TryAddReferenceAt(PageWord.Stored(words[i]), lives[i]))
            {
                shared |= 1UL << i;
            }
        }

        others = left | (stored & ~shared);
        return shared;
    }

    /// <summary>Whether descriptors of pages in a row do not lie in a row, as those of pages that were stored one after another do, which
    /// the processor brings in by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreScattered(ulong* pages, int count) =>
        PageWord.Stored(Volatile.Read(ref pages[count - 1])) - PageWord.Stored(Volatile.Read(ref pages[0])) > 2 * BatchPages;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(DescriptorTable descriptors, ulong* page)
    {
        // A hint, on which nothing depends.
        ulong word = Volatile.Read(ref *page);
        if (PageWord.IsStored(word))
        {
            descriptors.Prefetch(PageWord.Stored(word));
        }
    }

    /// <summary>Stores a dirty page, as an evictor does, and leaves it in its frame, where it is clean then. One reference is the frame
    /// record's, and one the caller's.</summary>
    /// <returns>Impossible if the pool has no room.</returns>
    internal Sharing TryStore(ulong* page, ulong word, out uint stored)
    {
        FrameClass size = source.Frames;
        SwapStore swap = domain.Swap;
        stored = 0;
        bool isClaimed = false;

        // Rule 7: room is in hand before the page is claimed.
        StoreTicket ticket = swap.Prepare(size.PageBytes, StoreLevel.Normal, isPublic: false);
        if (ticket.Index == 0)
        {
            return Sharing.Impossible;
        }

        try
        {
            // Resident, no pins → Evicting: races with pinners and evictors. The word found in a node was this page's, and has not changed.
            isClaimed = PageWord.TryBeginEvict(page, word);
            if (!isClaimed)
            {
                return Sharing.Changed;
            }

            TestHook.Reach(SharedWord.PageData);
            long frame = size.FrameAt(PageWord.Offset(word));
            FrameRecord* record = size.Records + frame;
            CompressionPolicy policy = domain.Policies[record->Policy];
            StoreTicket used = ticket;
            ticket = default;
            stored = swap.Store(used, size.Address(frame), record->Used, policy);
            if (stored != 0)
            {
                bool isAdded = swap.Descriptors.TryAddReference(swap.Descriptors.Id(stored));
                Debug.Assert(isAdded, "the caller has the first reference");
                record->Wish = PoolWish.None;
                Shared.Write(SharedWord.FrameRecord, &record->Stored, stored);
            }
        }
        finally
        {
            swap.Cancel(ticket);
            if (isClaimed)
            {
                bool waiters = stored != 0 ? CompleteStore(page, word) : PageWord.AbandonEvict(page, word);
                source.Pages.Wake(page, waiters);
            }
        }

        if (stored == 0)
        {
            return Sharing.Impossible;
        }

        size.ReleaseDirty();
        return Sharing.Done;
    }
}
