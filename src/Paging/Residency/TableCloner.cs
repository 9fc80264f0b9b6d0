using System.Numerics;
using System.Runtime.CompilerServices;
using Paging.Memory;

namespace Paging.Residency;

/// <summary>Clones granules whose words are in a table: shares the stored copies of their pages by batches, and writes the clone's table as a
/// whole. What cannot be shared so is left to <see cref="RegionCloner"/>.</summary>
/// <param name="source">The original.</param>
/// <param name="clone">The clone.</param>
/// <param name="domain">The pager's.</param>
internal unsafe ref struct TableCloner(PagedRegion source, PagedRegion clone, PagingDomain domain)
{
    /// <summary>Granules of a table that lie in a huge page. Large tables begin where one does.</summary>
    private const int HugePageGranules = Reservation.HugePageBytes / PageTable.GranuleBytes;

    /// <summary>Granules of the clone's table whose memory is brought in at once, at most, where there are not so many.</summary>
    private const int PopulatedAtOnce = 64;

    /// <summary>The memory of the clone's table is there up to this granule, from the last one cloned on.</summary>
    private long _populated;

    private readonly PageSharer Sharer => new(source, domain);

    /// <summary>Clones the pages of a granule that are stored. Granules come in ascending order.</summary>
    /// <param name="granule">The granule.</param>
    /// <param name="count">Pages of it.</param>
    /// <param name="left">Receives a bit for each page that is to be cloned by itself.</param>
    /// <returns>False when the words are not all in the table of the original. Nothing has changed.</returns>
    internal bool TryClone(long granule, int count, ulong* left)
    {
        // Whether the words are in the table is looked at before the words are. A page that is untouched there, and whose granule has
        // changed its form since, was untouched in between.
        if (!IsLinear(granule))
        {
            return false;
        }

        if (granule >= _populated)
        {
            Populate(granule);
        }

        new Span<ulong>(left, (1 << PageTable.GranuleShift) / PageSharer.BatchPages).Clear();
        if (!TryShare(granule, count, left) && granule < _populated)
        {
            clone.Pages.Table.TryDrop(granule, 1);
        }

        return true;
    }

    /// <summary>Brings in the memory of the clone's table for granules in a row that will be written as a whole, most likely: a huge page's
    /// worth, or part of the way to where the next one begins.</summary>
    private void Populate(long granule)
    {
        int count = CountLinear(granule, HugePageGranules - (int)(granule % HugePageGranules));
        count = count == HugePageGranules ? count : Math.Min(count, PopulatedAtOnce);
        if (count > 1)
        {
            clone.Pages.Table.Populate(granule, count);
            _populated = granule + count;
        }
    }

    private readonly int CountLinear(long granule, int most)
    {
        most = (int)Math.Min(most, source.Pages.Table.Granules - granule);
        int count = 0;
        while (count < most && IsLinear(granule + count))
        {
            count++;
        }

        return count;
    }

    private readonly bool IsLinear(long granule) =>
        GranuleWord.Form(GranuleWord.Load(source.Pages.Table.MarkOf(granule))) == GranuleForm.Linear;

    /// <summary>All under the lock of the clone's granule, so that a thread that closes the pager waits, and never sees half of
    /// it.</summary>
    /// <returns>False when no page of the granule is stored, and the clone's is as before.</returns>
    private readonly bool TryShare(long granule, int count, ulong* left)
    {
        ulong* from = source.Pages.Table.WordsOf(granule);
        ulong* end = source.Pages.Table.WordsOf(0) + source.PageCount;
        ulong* to = clone.Pages.Table.WordsOf(granule);
        ulong* words = stackalloc ulong[PageSharer.BatchPages];
        clone.Pages.Table.TouchBlock(granule);
        using (LockedGranule target = clone.Pages.Lock(granule))
        {
            // After the lock: either the closer of the clone waits for the lock, or we see the clone closed.
            if (clone.SeesClosed)
            {
                return true;
            }

            if (IsAllUnstored(from, count))
            {
                return false;
            }

            target.MakeLinearForClone();
            for (int first = 0; first < count; first += PageSharer.BatchPages)
            {
                int batch = Math.Min(PageSharer.BatchPages, count - first);
                int following = (int)Math.Min(PageSharer.BatchPages, end - (from + first + batch));
                ulong shared = Sharer.ShareStored(from + first, batch, following, words, out ulong others);
                shared |= ShareClean(from + first, words, ref others);
                TakeOver(to + first, words, shared);
                target.CountIn(BitOperations.PopCount(shared));
                left[first >> 6] = others;
            }
        }

        clone.Pages.Table.Charge(PageTable.GranuleBytes);
        return true;
    }

    private static bool IsAllUnstored(ulong* pages, int count)
    {
        int i = 0;
        while (i < count && PageWord.IsUnstored(PageWord.Load(pages + i)))
        {
            i++;
        }

        return i == count;
    }

    /// <summary>Shares the stored copies of pages in frames, and of those that were in none, but whose references other threads were
    /// changing.</summary>
    /// <param name="pages">The words of pages in a row.</param>
    /// <param name="words">What they were; receives what those of the clone are to be.</param>
    /// <param name="others">The pages to look at, by a bit each; receives those that are to be cloned by themselves.</param>
    /// <returns>The pages that have become shared, by a bit each.</returns>
    private readonly ulong ShareClean(ulong* pages, ulong* words, ref ulong others)
    {
        ulong shared = 0;
        for (ulong bits = others; bits != 0; bits &= bits - 1)
        {
            int i = BitOperations.TrailingZeroCount(bits);
            ulong word = words[i];
            if (Sharer.TryShare(pages + i, word, out uint stored) != Sharing.Done)
            {
                continue;
            }

            others &= ~(1UL << i);
            if (stored == 0)
            {
                continue;
            }

            shared |= 1UL << i;
            if (PageWord.IsResident(word))
            {
                FrameClass frames = source.Frames;
                int history = FrameClock.HistoryOf(frames, frames.FrameAt(PageWord.Offset(word)));
                words[i] = PageWord.Away(word, stored, history);
            }
        }

        return shared;
    }

    /// <summary>Puts words into the clone's table, for the pages that have their bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TakeOver(ulong* pages, ulong* words, ulong shared)
    {
        for (ulong bits = shared; bits != 0; bits &= bits - 1)
        {
            int i = BitOperations.TrailingZeroCount(bits);
            PageWord.TakeOver(pages + i, words[i]);
        }
    }
}
