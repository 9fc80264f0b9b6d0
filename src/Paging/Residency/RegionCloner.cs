using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Makes a clone of an array: a second array whose pages are stored pages of the first, with one more reference each. So a page
/// takes space once, until one of the two is written, which then lets go of its reference. Frames are never shared.</summary>
/// <remarks>
/// Any thread may use, change and close the original meanwhile. The clone is known to the pager from the beginning, and is closed with it;
/// no other thread touches its pages. Whatever goes wrong, the clone is closed, which gives back all that it has.
///
/// A page of the original is, in this order: shared, when it has a stored copy; stored first, when it is dirty and nobody has it pinned,
/// after which it is clean and stays in its frame (<see cref="PageSharer"/>); copied into a frame of the clone. Pages that are stored are
/// shared by whole tables where they can be (<see cref="TableCloner"/>), the others one by one.
/// </remarks>
/// <param name="source">The original.</param>
/// <param name="clone">The clone, all of whose pages are untouched.</param>
/// <param name="domain">The pager's.</param>
internal readonly unsafe ref struct RegionCloner(PagedRegion source, PagedRegion clone, PagingDomain domain)
{
    private const int GranulePages = 1 << PageTable.GranuleShift;

    private PageSharer Sharer => new(source, domain);

    /// <summary>Makes a clone. The pager's Dispose waits for it, and cuts it short.</summary>
    /// <param name="source">The original.</param>
    /// <param name="geometry">How items lie in its pages.</param>
    /// <param name="domain">The pager's.</param>
    /// <exception cref="OutOfPagingSpaceException">A page had to be copied, and there is no room. Nothing has changed.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses memory for the table. Nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">A page that had to be loaded is damaged. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The array or the pager is disposed.</exception>
    internal static PagedRegion Clone(PagedRegion source, in Geometry geometry, PagingDomain domain)
    {
        source.AwaitOpen();
        if (geometry.PageCount != source.PageCount || geometry.UsedBytes != source.UsedBytes(0) && source.PageCount > 1)
        {
            // Pages are shared by their numbers: with others, one would write beyond the clone's table.
            throw new InvalidOperationException($"A clone of {source.PageCount:N0} pages cannot have {geometry.PageCount:N0}.");
        }

        using DomainScope held = domain.Enter();
        PagedRegion clone = MakeEmpty(source, geometry, domain);
        try
        {
            new RegionCloner(source, clone, domain).CloneAll();
            return clone;
        }
        catch
        {
            TestHook.Keep(clone);
            clone.Close("Array");
            throw;
        }
    }

    /// <summary>An array like another one, whose pages are untouched.</summary>
    private static PagedRegion MakeEmpty(PagedRegion source, in Geometry geometry, PagingDomain domain)
    {
        DroppedArrays.Attempt dropped = default;
        Spinner spinner = default;
        while (true)
        {
            domain.Follower?.MakeFit(geometry.PageBytes);
            PageBacking? backing = source.Backing?.TryShare();
            PagedRegion? region = null;
            try
            {
                source.AwaitOpen();
                Debug.Assert(backing is not null || source.Backing is null, "an open array has not let go of what backs it");
                region = new PagedRegion(domain, geometry, source.Name, source.Policy.Copy(), backing);
            }
            finally
            {
                if (region is not { IsRegistered: true })
                {
                    backing?.Release();
                }
            }

            if (region.IsRegistered)
            {
                return region;
            }

            // The frames' budget is too small for the page size at this moment. As long as the original is open it does not stay so.
            if (!domain.Dropped.TryTakeDown(ref dropped, own: 1, isPoolFull: false))
            {
                spinner.Once();
            }
        }
    }

    private void CloneAll()
    {
        if (source.Backing is not null)
        {
            clone.KeepFrame();
        }

        ref PageTable table = ref source.Pages.Table;
        long granules = table.Granules;
        var tables = new TableCloner(source, clone, domain);
        for (long granule = table.NextTouched(0, granules); granule >= 0; granule = table.NextTouched(granule + 1, granules))
        {
            CloneGranule(granule, ref tables);
            AwaitOpen();
        }

        // A thread that disposed of the array meanwhile may have taken pages before they were seen.
        AwaitOpen();
    }

    private void AwaitOpen()
    {
        source.AwaitOpen();
        clone.AwaitOpen();
    }

    private void CloneGranule(long granule, ref TableCloner tables)
    {
        long first = granule << PageTable.GranuleShift;
        long end = Math.Min(first + GranulePages, source.PageCount);
        if (source.Pages.Table.IsSmall)
        {
            CloneTable(first, end);
            return;
        }

        ulong* left = stackalloc ulong[GranulePages / PageSharer.BatchPages];
        if (tables.TryClone(granule, (int)(end - first), left))
        {
            for (int batch = 0; batch < GranulePages / PageSharer.BatchPages; batch++)
            {
                for (ulong bits = left[batch]; bits != 0; bits &= bits - 1)
                {
                    ClonePage(first + (batch * PageSharer.BatchPages) + BitOperations.TrailingZeroCount(bits));
                }
            }

            return;
        }

        for (long index = first; index < end; index++)
        {
            long next = source.Pages.NextInChain(granule, index, end);
            if (next < 0)
            {
                CloneTable(index, end);
                return;
            }

            index = next;
            if (index < end)
            {
                ClonePage(index);
            }
        }
    }

    /// <summary>Clones pages whose words are in the table, one by one.</summary>
    private void CloneTable(long index, long end)
    {
        for (; index < end; index++)
        {
            if (PageWord.State(PageWord.Load(source.Pages.HomeOf(index))) != PageState.Untouched)
            {
                ClonePage(index);
            }
        }
    }

    /// <summary>Clones one page, whatever its state.</summary>
    private void ClonePage(long index)
    {
        JointAccess access = default;
        try
        {
            ClonePage(index, ref access);
        }
        finally
        {
            access.Leave(domain, source);
        }
    }

    private void ClonePage(long index, ref JointAccess access)
    {
        while (true)
        {
            AwaitOpen();
            ulong* page = source.Find(index);
            ulong word = PageWord.Load(page);

            // As in FaultHandler.Pin: a node may have become another page's. If the word is the same in the end, it was this page's.
            if (!source.IsOf(index, page))
            {
                continue;
            }

            switch (PageWord.State(word))
            {
                case PageState.Untouched:
                    if (source.Pages.Table.IsSmall || PageWord.State(source.Pages.LoadLocked(index)) == PageState.Untouched)
                    {
                        return;
                    }

                    break;

                case PageState.Swapped or PageState.Resident:
                    if (TryClone(index, page, word, ref access))
                    {
                        return;
                    }

                    break;

                case PageState.Filling or PageState.Evicting:
                    domain.Parking.Wait(page);
                    break;

                // It was closed or moved since it was found.
                default:
                    break;
            }
        }
    }

    /// <returns>False when the page has changed meanwhile.</returns>
    private bool TryClone(long index, ulong* page, ulong word, ref JointAccess access)
    {
        Sharing sharing = Sharer.TryShare(page, word, out uint stored);

        // Pinned, it may be written at this moment. Clean, its copy has as many references as there can be.
        if (sharing == Sharing.Impossible && PageWord.IsResident(word) && PageWord.Pins(word) == 0 && (word & PageWord.Dirty) != 0)
        {
            sharing = Sharer.TryStore(page, word, out stored);
        }

        switch (sharing)
        {
            case Sharing.Changed:
                return false;
            case Sharing.Impossible:
                return TryCopy(index, ref access);
            default:
                Put(index, stored);
                break;
        }

        return true;
    }

    /// <summary>Makes a page of the clone a stored one. The reference is the clone's then, or given back.</summary>
    private void Put(long index, uint stored)
    {
        bool isPut = stored == 0;
        try
        {
            while (!isPut)
            {
                clone.AwaitOpen();
                ulong* page = clone.Find(index);
                ulong word = PageWord.Load(page);
                Debug.Assert(PageWord.State(word) is PageState.Untouched or PageState.Dead, "nobody else touches the clone");
                if (PageWord.State(word) == PageState.Untouched && clone.TryBeginFill(index, ref page, ref word))
                {
                    isPut = TryPublish(index, page, word, stored);
                }
            }
        }
        finally
        {
            if (!isPut)
            {
                domain.Swap.Free(stored);
            }
        }
    }

    /// <summary>Filling → Swapped, unless the pager was closed meanwhile. As in PageFiller.TryFill: either the sweep waits for the claim,
    /// or we see the clone closed.</summary>
    private bool TryPublish(long index, ulong* page, ulong word, uint stored)
    {
        Fences.AfterInterlocked();
        if (clone.SeesClosed)
        {
            clone.AbandonFill(index, page, word);
            return false;
        }

        clone.Pages.Wake(page, PageWord.CompleteFillAway(page, word, stored));
        return true;
    }

    /// <summary>Copies a page into a frame of the clone, where it is dirty. The original keeps its page where it is meanwhile by a lease, but
    /// not while a frame has to be waited for.</summary>
    /// <returns>False when the page has to be looked at anew, since it was let go of.</returns>
    private bool TryCopy(long index, ref JointAccess access)
    {
        byte* data = domain.Leasing.Pin(source, index, ref access, out ulong* word);
        bool isCopied = false;
        try
        {
            isCopied = domain.Faults.TryOverwrite(clone, index, new PageContents((nint)data, source.UsedBytes(index)), ref access);
        }
        finally
        {
            PageWord.UnpinLease(word, source.LeaseSlot);
        }

        if (!isCopied)
        {
            access.AwaitRoom(domain, source, index, count: 1, more: 1);
        }

        return isCopied;
    }
}
