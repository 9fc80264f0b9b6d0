using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Reads ahead for the arrays of a pager in which streams were found: a part of the <see cref="Prefetcher"/>'s work.</summary>
/// <remarks>
/// A few arrays are looked at, those in which faults have lately gone on with a stream. A place is taken by CAS, from null or
/// from another array, and given up by CAS, by a thread that has found nothing to do in its array for a while. A fault that believes its array
/// to be looked at, when that ends at the same moment, is not heard; the next one of the stream is.
///
/// Wanted says that there may be pages to bring in. Set by faults behind what they have told the streams, by threads that have found a
/// page, and, once a millisecond, for the sake of readers that cause no faults; exchanged for 0 by a thread that then looks.
/// </remarks>
internal sealed unsafe class Readahead(PagingDomain domain)
{
    /// <summary>Arrays that are looked at.</summary>
    internal const int MaxArrays = 16;

    /// <summary>Batches that a thread brings in from files in one step, at most.</summary>
    private const int BatchesAStep = 8;

    private readonly RegionReadahead?[] _arrays = new RegionReadahead?[MaxArrays];
    private int _wanted;
    private int _active;
    private int _hand;

    /// <summary>The pager's clock.</summary>
    internal TimeProvider Time { get; } = domain.Tuning.Time;

    /// <summary>What brings the pages in.</summary>
    internal PageFetcher Fetcher => domain.Fetcher;

    /// <summary>Whether there are streams whose readers may soon be far enough for the next step.</summary>
    internal bool IsActive => Shared.Read(SharedWord.Stream, ref _active) > 0;

    /// <summary>Whether a look is worth while.</summary>
    internal bool IsWanted => Shared.Read(SharedWord.Stream, ref _wanted) != 0;

    /// <summary>Whether a fault of an array that nobody has advised on may lead to reading ahead: the work of faulting threads is not given
    /// to the thread pool's unless somebody asks for it.</summary>
    internal bool IsByDefault { get; } = domain.Options.BackgroundThreads > 0;

    /// <summary>By a thread whose fault was of a stream of the array: sees to it that a thread of the background looks.</summary>
    internal void Want(RegionReadahead array)
    {
        if (array.TryActivate())
        {
            Activate(array);
        }

        if (!IsWanted)
        {
            Shared.Write(SharedWord.Stream, ref _wanted, 1);
        }

        domain.Prefetcher.WakeForReadahead();
    }

    /// <summary>By a thread that goes to sleep: whether it has to look again soon.</summary>
    internal bool GoesOn()
    {
        if (!IsActive)
        {
            return false;
        }

        Shared.Write(SharedWord.Stream, ref _wanted, 1);
        return true;
    }

    /// <summary>Brings in a few pages of one array.</summary>
    /// <returns>False when there are none.</returns>
    internal bool Step()
    {
        if (!IsWanted || Shared.Exchange(SharedWord.Stream, ref _wanted, 0) == 0)
        {
            return false;
        }

        int first = Volatile.Read(ref _hand);
        Volatile.Write(ref _hand, (first + 1) % MaxArrays);
        for (int i = 0; i < MaxArrays; i++)
        {
            ref RegionReadahead? place = ref _arrays[(first + i) % MaxArrays];
            if (Shared.Read(SharedWord.Stream, ref place) is { } array && TryStep(ref place, array))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryStep(ref RegionReadahead? place, RegionReadahead array)
    {
        if (!array.TryGetRegion(out PagedRegion? region) || region.IsClosed)
        {
            GiveUp(ref place, array);
            return false;
        }

        Span<StreamPage> taken = stackalloc StreamPage[FrameBatch.Max];
        taken = taken[..array.Take(region, taken[..FrameBatch.Length(region.Frames)])];
        if (array.IsQuiet(isVain: taken.IsEmpty))
        {
            GiveUp(ref place, array);
        }

        if (taken.IsEmpty)
        {
            return false;
        }

        // There may be more, for other threads, too.
        Shared.Write(SharedWord.Stream, ref _wanted, 1);
        domain.Prefetcher.WakeForReadahead();
        if (region.MayBeInFiles)
        {
            BringInFromFiles(array, region, taken);
        }
        else
        {
            BringIn(array, region, taken);
        }

        GC.KeepAlive(region);
        return true;
    }

    /// <summary>As <see cref="BringIn"/>, for some batches, of which the next is being read while one is decoded: the device is never
    /// idle.</summary>
    private void BringInFromFiles(RegionReadahead array, PagedRegion region, ReadOnlySpan<StreamPage> taken)
    {
        Span<StreamPage> now = stackalloc StreamPage[FrameBatch.Max];
        Span<StreamPage> next = stackalloc StreamPage[FrameBatch.Max];
        taken.CopyTo(now);
        int count = taken.Length;
        try
        {
            BeginReads(region, taken);
            for (int i = 1; count > 0; i++)
            {
                int reads = EntryReads.Count;
                int following = i < BatchesAStep ? array.Take(region, next[..FrameBatch.Length(region.Frames)]) : 0;
                BeginReads(region, next[..following]);
                BringIn(array, region, now[..count]);
                EntryReads.End(reads);
                Span<StreamPage> done = now;
                now = next;
                next = done;
                count = following;
            }
        }
        finally
        {
            EntryReads.End();
        }
    }

    private void BeginReads(PagedRegion region, ReadOnlySpan<StreamPage> taken)
    {
        foreach (ref readonly StreamPage page in taken)
        {
            region.BeginRead(domain.Swap.Loader, page.Page);
        }
    }

    private void BringIn(RegionReadahead array, PagedRegion region, ReadOnlySpan<StreamPage> taken)
    {
        FrameBatch frames = default;
        try
        {
            // Inside: evicting for the batch may fail for want of memory, and the frames that are in hand by then have to go back.
            Fetcher.BeginBatch(region, ref frames, taken.Length);
            foreach (ref readonly StreamPage page in taken)
            {
                if (array.IsLeft(page))
                {
                    array.Leave(page);
                }
                else
                {
                    array.OnBroughtIn(page, Fetcher.BringInAhead(region, page.Page, &frames));
                }
            }
        }
        finally
        {
            Fetcher.EndBatch(region, ref frames);
        }
    }

    /// <summary>Gives an array a place, by the thread that has made it active.</summary>
    private void Activate(RegionReadahead array)
    {
        for (int i = 0; i < MaxArrays; i++)
        {
            if (Shared.Read(SharedWord.Stream, ref _arrays[i]) is null
                && Shared.CompareExchange(SharedWord.Stream, ref _arrays[i], array, null) is null)
            {
                Shared.Increment(SharedWord.Stream, ref _active);
                return;
            }
        }

        // All places are taken: the array whose turn it is has to wait for its next fault.
        int hand = Volatile.Read(ref _hand);
        Volatile.Write(ref _hand, (hand + 1) % MaxArrays);
        RegionReadahead? other = Shared.Read(SharedWord.Stream, ref _arrays[hand]);
        if (other is null || Shared.CompareExchange(SharedWord.Stream, ref _arrays[hand], array, other) != other)
        {
            // Others are about it, too. The next fault of the stream tries again.
            array.Deactivate();
            return;
        }

        other.Deactivate();
    }

    private void GiveUp(ref RegionReadahead? place, RegionReadahead array)
    {
        if (Shared.CompareExchange(SharedWord.Stream, ref place, null, array) == array)
        {
            Shared.Decrement(SharedWord.Stream, ref _active);
            array.Deactivate();
        }
    }
}
