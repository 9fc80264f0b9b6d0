using System.Diagnostics;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Reads ahead for the arrays of a pager in which streams were found: a part of the <see cref="Prefetcher"/>'s work.</summary>
/// <remarks>
/// This type says for which array, and when. How far each stream is read ahead is the array's: <see cref="AccessStreams"/> has how the
/// distance grows and shrinks, <see cref="RegionReadahead"/> its bounds, and <see cref="ReadaheadTrial"/> whether it pays at all.
///
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

    /// <summary>Bytes of pages that a thread brings in from files in one step, about, if nobody asks for anything else: what reclaims waits
    /// for it. At its end the device has nothing to do for a moment, so that a step should last; but not while other arrays wait for their
    /// turn.</summary>
    private const int BytesAStep = 32 << 20;
    private const int BytesATurn = 8 << 20;

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
        int most = Math.Min(FrameBatch.Length(region.Frames), array.SetPages);
        taken = taken[..array.Take(region, taken[..most])];
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
            LeftPages none = default;
            BringIn(array, region, taken, ref none);
        }

        GC.KeepAlive(region);
        return true;
    }

    /// <summary>As <see cref="BringIn"/>, for pages that may be in files: what lies side by side is read at once, and while the pages of one
    /// set are decoded those of the next ones are being read, so that the device is never idle.</summary>
    /// <remarks>Pages that were left to the reader it has to find read, or it would read them one by one. So their reads are kept; and when
    /// there is nothing else to do, these pages are brought in after all, the last ones first: the reader comes from the other
    /// side.</remarks>
    private void BringInFromFiles(RegionReadahead array, PagedRegion region, ReadOnlySpan<StreamPage> taken)
    {
        StreamPage* pages = stackalloc StreamPage[ReadaheadSets.MaxPages];
        var sets = new ReadaheadSets(array, region, domain.Swap.Loader, new Span<StreamPage>(pages, ReadaheadSets.MaxPages));
        const int MaxLeft = 2 * ReadaheadSets.MaxSetPages;
        StreamPage* leftPages = stackalloc StreamPage[MaxLeft];
        var left = new LeftPages(new Span<StreamPage>(leftPages, MaxLeft));
        int length = FrameBatch.Length(region.Frames);
        try
        {
            sets.Add(taken);
            for (int done = taken.Length; ;)
            {
                while (done < (Shared.Read(SharedWord.Stream, ref _active) > 1 ? BytesATurn : BytesAStep) >> region.Frames.PageShift
                    && !domain.Prefetcher.IsAskedFor
                    && sets.Room is { Length: > 0 } room
                    && array.Take(region, room) is > 0 and int count)
                {
                    sets.Add(count);
                    done += count;
                }

                if (sets.Next(length) is { Length: > 0 } now)
                {
                    BringIn(array, region, now, ref left);
                    if (sets.EndNext(now.Length))
                    {
                        BringInLeft(array, region, left.First(sets.Overdue));
                        sets.KeepFirst(ref left);
                    }
                }
                else if (left.TakeLast(length) is { Length: > 0 } last)
                {
                    sets.OnLeftTaken(left.Total);
                    BringInLeft(array, region, last);
                }
                else
                {
                    break;
                }
            }
        }
        finally
        {
            ReadPlan.End();
        }
    }

    private void BringIn(RegionReadahead array, PagedRegion region, scoped ReadOnlySpan<StreamPage> taken, ref LeftPages left)
    {
        Debug.Assert(taken.Length <= FrameBatch.Max, "one batch");
        Span<BroughtIn> outcomes = stackalloc BroughtIn[FrameBatch.Max];
        FrameBatch frames = default;
        int done = 0;
        try
        {
            // Inside: evicting for the batch may fail for want of memory, and the frames that are in hand by then have to go back.
            Fetcher.BeginBatch(region, ref frames, taken.Length);
            for (; done < taken.Length; done++)
            {
                if (array.IsLeft(taken[done]))
                {
                    outcomes[done] = BroughtIn.Failed;
                    left.Add(taken[done]);
                }
                else
                {
                    outcomes[done] = Fetcher.BringInAhead(region, taken[done].Page, &frames);
                }
            }
        }
        finally
        {
            Fetcher.EndBatch(region, ref frames);
            array.OnBroughtIn(taken, outcomes[..done]);
        }
    }

    /// <summary>Brings in pages that had been left to the reader, from the last one on, until it is met.</summary>
    private void BringInLeft(RegionReadahead array, PagedRegion region, ReadOnlySpan<StreamPage> pages)
    {
        for (int i = pages.Length - 1; i >= 0 && !array.IsPassed(pages[i]); i--)
        {
            BroughtIn outcome = Fetcher.BringInAhead(region, pages[i].Page);
            if (outcome is BroughtIn.NoFrame or BroughtIn.Closed)
            {
                return;
            }

            // One that the reader had already is none that need not have been read ahead.
            array.OnBroughtIn(pages.Slice(i, 1), [outcome == BroughtIn.Filled ? outcome : BroughtIn.Failed]);
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
