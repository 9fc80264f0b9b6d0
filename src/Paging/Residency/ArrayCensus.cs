using Paging.Codecs.Filters;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>Says of each array what it holds and where, by looking at its pages.</summary>
/// <remarks>
/// Why looking, and not counting: which of an array's pages are in files changes by segments, in one word for all entries of a segment, and
/// what they are encoded to changes when they are compressed again; neither knows arrays, nor should. What could be counted, pages in
/// frames, would cost each fault and each eviction one addition to a word that all threads on the array share. That is 5 ns alone and 20 to
/// 50 when two threads do it, of a fault of 1,000 and a clean eviction of 100, for a figure that is asked for once in ten seconds.
/// Looking costs some ten nanoseconds for each word of a part of the table that was ever touched, and about a hundred for what is known of
/// a stored page, which is seldom in a cache. Both are bounded for each array: beyond <see cref="MaxWords"/> and <see cref="MaxStored"/>
/// parts and pages are passed over, evenly, and the others count for them: ten or twenty milliseconds, whatever the array's length. Nothing
/// is locked meanwhile but one granule at a time, and only of those whose pages are in nodes; nobody waits, and pages go on moving.
/// </remarks>
/// <param name="domain">The pager's.</param>
/// <param name="maxWords">Words that are looked at of one array, at most.</param>
/// <param name="maxStored">Stored pages of one array whose descriptors are looked at, at most.</param>
internal readonly unsafe ref struct ArrayCensus(
    PagingDomain domain, long maxWords = ArrayCensus.MaxWords, long maxStored = ArrayCensus.MaxStored)
{
    /// <summary>Some milliseconds, looked at twice.</summary>
    internal const long MaxWords = 1 << 19;

    /// <summary>Some milliseconds.</summary>
    internal const long MaxStored = 1 << 16;

    /// <summary>All arrays that are in use, in the order of their numbers. The caller has entered the pager.</summary>
    internal PagedArrayStatistics[] Take()
    {
        var all = new PagedArrayStatistics[domain.Regions.Count];
        int count = 0;
        int number = 0;
        while (domain.Regions.Next(ref number) is { } region)
        {
            if (!region.IsClosing)
            {
                if (count == all.Length)
                {
                    Array.Resize(ref all, Math.Max(4, 2 * count));
                }

                all[count++] = Look(region);
                GC.KeepAlive(region);
            }
        }

        Array.Resize(ref all, count);
        return all;
    }

    private PagedArrayStatistics Look(PagedRegion region)
    {
        ref PageTable table = ref region.Pages.Table;
        long granules = table.Granules;
        long touched = 0;
        for (long granule = table.NextTouched(0, granules); granule >= 0; granule = table.NextTouched(granule + 1, granules))
        {
            touched++;
        }

        // A short table is looked at as a whole, whatever its granule would hold.
        long words = Math.Min(touched << PageTable.GranuleShift, region.PageCount);
        long step = Math.Max(1, (words + maxWords - 1) / maxWords);
        var tally = new Tally { Step = 1 };
        if (words / step > maxStored)
        {
            // How many of them are stored is known only when they have been looked at.
            var first = new Tally { Step = long.MaxValue };
            LookAtParts(region, step, ref first);
            tally.Step = Math.Max(1, (first.Named + maxStored - 1) / maxStored);
        }

        double scale = LookAtParts(region, step, ref tally);
        double ofStored = tally.Looked == 0 ? 0 : scale * tally.Named / tally.Looked;
        return new PagedArrayStatistics
        {
            Name = region.Name,
            LogicalBytes = ((region.PageCount - 1) * region.UsedBytes(0)) + region.UsedBytes(region.PageCount - 1),
            ResidentPages = (long)(scale * tally.Resident),
            StoredPages = (long)(ofStored * tally.Stored),
            FilePages = (long)(ofStored * tally.InFiles),
            StoredBytes = (long)(ofStored * tally.Encoded),
            Filter = FilterOf(region.Policy.Filter.Kind),
        };
    }

    /// <summary>Looks at every so many of the granules that were ever touched.</summary>
    /// <returns>For how many each of them stands.</returns>
    private double LookAtParts(PagedRegion region, long step, ref Tally tally)
    {
        ref PageTable table = ref region.Pages.Table;
        long granules = table.Granules;
        long seen = 0;
        long looked = 0;
        for (long granule = table.NextTouched(0, granules); granule >= 0; granule = table.NextTouched(granule + 1, granules))
        {
            if (seen++ % step == 0)
            {
                looked++;
                Look(region, granule, ref tally);
            }
        }

        return looked == 0 ? 1 : (double)seen / looked;
    }

    /// <summary>As <see cref="RegionCloser.CountPins()"/> goes through a granule: first the pages of its chain, then those of its
    /// table.</summary>
    private void Look(PagedRegion region, long granule, ref Tally tally)
    {
        ref PageDirectory pages = ref region.Pages;
        if (!pages.Table.IsSmall)
        {
            using LockedGranule locked = pages.Lock(granule);
            for (uint node = locked.First; node != 0; node = pages.Nodes.Next(node))
            {
                Add(region, PageWord.Load(pages.WordIn(node)), ref tally);
            }

            if (!locked.IsLinear)
            {
                return;
            }
        }

        long end = Math.Min((granule + 1) << PageTable.GranuleShift, region.PageCount);
        for (long index = granule << PageTable.GranuleShift; index < end; index++)
        {
            ulong word = PageWord.Load(pages.HomeOf(index));
            Add(region, PageWord.State(word) == PageState.Elsewhere ? pages.LoadLocked(index) : word, ref tally);
        }
    }

    private void Add(PagedRegion region, ulong word, ref Tally tally)
    {
        uint stored = 0;
        if (PageWord.IsResident(word))
        {
            tally.Resident++;
            if ((word & PageWord.Dirty) == 0)
            {
                FrameRecord* record = region.Frames.RecordOf(PageWord.Offset(word));
                stored = Volatile.Read(ref record->Stored);
            }
        }
        else if (PageWord.State(word) == PageState.Swapped)
        {
            stored = PageWord.Stored(word);
        }

        if (stored != 0 && tally.Named++ % tally.Step == 0)
        {
            tally.Looked++;
            AddStored(stored, ref tally);
        }
    }

    /// <remarks>The page may be freed meanwhile, and the descriptor be another's: then the figure is off by one, as of any page that
    /// moves.</remarks>
    private void AddStored(uint stored, ref Tally tally)
    {
        DescriptorTable descriptors = domain.Swap.Descriptors;
        Location location = descriptors.Locate(stored);
        switch (location.Where)
        {
            case Location.Kind.Pattern:
                tally.Stored++;
                break;

            case Location.Kind.Segment:
                tally.Stored++;
                tally.Encoded += descriptors.SizeAt(stored, location).Encoded;
                SegmentState state = SegmentWord.State(SegmentWord.Load(&domain.Swap.Segments[location.Segment]->Word));
                tally.InFiles += state is SegmentState.OnFile or SegmentState.FileCleaning ? 1 : 0;
                break;
        }
    }

    private static PageFilter FilterOf(FilterKind kind) => kind switch
    {
        FilterKind.None => PageFilter.None,
        FilterKind.Shuffle => PageFilter.Shuffle,
        FilterKind.BitShuffle => PageFilter.BitShuffle,
        _ => PageFilter.Delta,
    };

    private struct Tally
    {
        /// <summary>Of so many stored pages one is looked at.</summary>
        internal long Step;
        internal long Resident;

        /// <summary>Pages whose words name a stored page.</summary>
        internal long Named;

        /// <summary>Of these, those that were looked at.</summary>
        internal long Looked;

        // Of those that were looked at.
        internal long Stored;
        internal long InFiles;
        internal long Encoded;
    }
}
