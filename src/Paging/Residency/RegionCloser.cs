using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Dispose, and what the finalizer does instead: stop new pins, look for old ones, take every page down.</summary>
/// <remarks>Which thread does what is decided by the words of <see cref="RegionState"/>.</remarks>
/// <param name="region">The array.</param>
/// <param name="domain">Its pager's.</param>
/// <param name="isFinalizing">No thread is in the region any more: leases that are out were dropped.</param>
internal readonly unsafe ref struct RegionCloser(PagedRegion region, PagingDomain domain, bool isFinalizing)
{
    private ref PageDirectory Pages => ref region.Pages;

    /// <summary>Closes the region, once accesses under way have ended. Does nothing when it is closed already.</summary>
    /// <exception cref="InvalidOperationException">Leases are out; nothing has changed.</exception>
    internal void Close(string what)
    {
        ref RegionState state = ref Pages.State;
        if (!state.BeginClose())
        {
            if (state.IsUnswept)
            {
                Complete();
            }

            return;
        }

        bool goesOn = false;
        try
        {
            Fences.AgainstInterlocked();
            TestHook.MayFail(FailurePoint.Closing);
            long pins = AccessWait.CountLeases(domain, [region]);
            if (pins != 0)
            {
                string named = string.IsNullOrEmpty(region.Name) ? what : $"{what} {region.Name}";
                ThrowHelper.ThrowLeasesOut(domain, region, named, pins);
            }

            goesOn = true;
        }
        finally
        {
            if (!goesOn)
            {
                state.AbandonClose();
            }
        }

        Complete();
    }

    /// <summary>By the finalizer of an array that was dropped without Dispose, or disposed long ago: no thread is in here any more, so the
    /// addresses can be used again.</summary>
    internal void Finish()
    {
        TableMemory.NoteFinalizerThread();
        bool wasDropped = false;
        using (Rundown.Scope held = domain.Swap.Rundown.Hold())
        {
            if (held.IsInside)
            {
                wasDropped = Pages.State.TryBeginClose();
                if (wasDropped || Pages.State.IsUnswept)
                {
                    Complete();
                }

                if (Pages.Table.IsClosed)
                {
                    // A thread that lost against Dispose may have covered a part of the table since Dispose forgot them.
                    ForgetWatched();
                    Pages.Table.GiveBack();
                }
            }
        }

        // A thread that touched a granule while the array was being disposed of is long gone.
        Pages.Table.Discharge();
        if (wasDropped)
        {
            domain.Dropped.NoteTakenDown(region);
        }

        // A span over a leaked page may live as long as its thread: then nothing is ever unmapped.
        if (!region.HasLeaked)
        {
            domain.LetGo();
        }
    }

    /// <summary>Leases on the array's pages, and the short pins of others there.</summary>
    internal long CountPins()
    {
        long pins = 0;
        ref PageTable table = ref Pages.Table;
        long granules = table.Granules;
        for (long granule = table.NextTouched(0, granules); granule >= 0; granule = table.NextTouched(granule + 1, granules))
        {
            pins += CountPins(granule);
        }

        return pins;
    }

    /// <summary>Closing → Closed: takes every page down and gives everything back except the addresses. Called again after an exception, it
    /// goes on with what is left.</summary>
    internal void Complete()
    {
        TestHook.Reach(SharedWord.ArrayState);
        ref RegionState state = ref Pages.State;
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        if (!held.IsInside)
        {
            // The pager is gone, and everything with it.
            state.SetClosed();
            region.ReleaseBacking();
            return;
        }

        // Before Closed, so that no other thread takes up what has only just begun.
        if (state.TryBeginSweep())
        {
            state.SetClosed();
            bool complete = false;
            try
            {
                Sweep();
                complete = true;
            }
            finally
            {
                state.EndSweep(complete);
            }
        }
    }

    private static int PinsOf(ulong word) => PageWord.IsResident(word) ? PageWord.Pins(word) : 0;

    private long CountPins(long granule)
    {
        long pins = 0;
        if (!Pages.Table.IsSmall)
        {
            // A page that is pinned stays where it is. Pins on pages that the table names by now are counted there.
            using LockedGranule locked = Pages.Lock(granule);
            for (uint node = locked.First; node != 0; node = Pages.Nodes.Next(node))
            {
                pins += PinsOf(PageWord.Load(Pages.WordIn(node)));
            }

            if (!locked.IsLinear)
            {
                return pins;
            }
        }

        long end = Math.Min((granule + 1) << PageTable.GranuleShift, region.PageCount);
        for (long index = granule << PageTable.GranuleShift; index < end; index++)
        {
            ulong word = PageWord.Load(Pages.HomeOf(index));
            pins += PinsOf(PageWord.State(word) == PageState.Elsewhere ? Pages.LoadLocked(index) : word);
        }

        return pins;
    }

    /// <summary>Each step of it may be done twice.</summary>
    private void Sweep()
    {
        // Pairs with the fence after a fault's claim: see PageFiller.TryFill.
        Interlocked.MemoryBarrier();
        FreeBatch freed = new(domain.Swap);
        try
        {
            ref PageTable table = ref Pages.Table;
            long granules = table.Granules;
            for (long granule = table.NextTouched(0, granules); granule >= 0; granule = table.NextTouched(granule + 1, granules))
            {
                TestHook.MayFail(FailurePoint.Closing);
                Sweep(granule, ref freed);
            }
        }
        finally
        {
            // No other thread knows what was taken out of dead pages.
            freed.Settle();
        }

        // After the sweep, which waits for claims: whichever page came to be watched, its part is forgotten. A part that is covered later
        // than this has no watched page.
        if (region.WasWatched && !region.HasLeaked)
        {
            ForgetWatched();
        }

        // A fault that is under way in a granule not seen above undoes itself: it looks at the flag after its claim.
        TestHook.Reach(SharedWord.PageTable);
        if (!region.HasLeaked)
        {
            Pages.Table.Close();
        }

        Pages.Table.Discharge();

        // After the sweep, which waits for claims: no thread reads it any more, but for what was begun ahead.
        region.ReleaseBacking();
        TestHook.MayFail(FailurePoint.Closing);
        domain.Regions.Remove(region);
    }

    private void Sweep(long granule, ref FreeBatch freed)
    {
        if (!Pages.Table.IsSmall && !SweepNodes(granule, ref freed))
        {
            return;
        }

        FrameClass frames = region.Frames;
        ulong* last = Pages.HomeOf(Math.Min((granule + 1) << PageTable.GranuleShift, region.PageCount) - 1);
        for (ulong* home = Pages.Table.WordsOf(granule); home <= last; home++)
        {
            PageFreer.Prefetch(home, last, frames, freed);
            ulong word = PageWord.Load(home);
            if (PageWord.State(word) != PageState.Elsewhere)
            {
                Kill(home, PageState.Dead, ref freed);
                continue;
            }

            uint node = PageWord.Stored(word);
            bool isFree = Kill(Pages.WordIn(node), PageState.Gone, ref freed);
            PageWord.KillElsewhere(home);
            if (isFree)
            {
                Pages.Nodes.Free(node);
            }
        }
    }

    /// <summary>Takes down the pages whose nodes are in the granule's chain.</summary>
    /// <returns>Whether there is a table besides.</returns>
    private bool SweepNodes(long granule, ref FreeBatch freed)
    {
        uint node;
        bool isLinear;

        // A thread that had the granule locked without seeing the array closed is through, and no other thread links or moves anything from
        // here on.
        using (LockedGranule locked = Pages.Lock(granule))
        {
            node = locked.First;
            isLinear = locked.IsLinear;
        }

        while (node != 0)
        {
            uint next;
            bool isFree = Kill(Pages.WordIn(node), PageState.Gone, ref freed);
            using (LockedGranule locked = Pages.Lock(granule))
            {
                locked.UnlinkFirst();
                next = locked.First;
            }

            if (isFree)
            {
                Pages.Nodes.Free(node);
            }

            node = next;
        }

        return isLinear;
    }

    /// <summary>Takes one page down for good, whatever its state. Waits for claims, and for pins about to be undone, and settles before it
    /// waits.</summary>
    /// <returns>False when its frame is leaked.</returns>
    private bool Kill(ulong* page, PageState end, ref FreeBatch freed)
    {
        Spinner spinner = default;
        while (true)
        {
            ulong word = PageWord.Load(page);
            switch (PageWord.State(word))
            {
                case PageState.Dead or PageState.Gone:
                    return true;

                case PageState.Untouched:
                    if (PageWord.TryEnd(page, word, end))
                    {
                        return true;
                    }

                    break;

                case PageState.Swapped:
                    if (PageWord.TryEnd(page, word, end))
                    {
                        PageFreer.FreeStored(word, ref freed);
                        return true;
                    }

                    break;

                case PageState.Resident when PageWord.Pins(word) == 0:
                    if (PageWord.TryBeginEvict(page, word))
                    {
                        PageFreer.FreeCopy(word, region.Frames, ref freed);
                        Pages.Wake(page, PageWord.CompleteEnd(page, word, end));
                        PageFreer.GiveFrameBack(word, region.Frames);
                        return true;
                    }

                    break;

                case PageState.Resident when isFinalizing:
                    // A lease was dropped, not disposed, and its span may still be in use: its frame is never used again.
                    region.HasLeaked = true;
                    domain.Dropped.NoteLeak(region);
                    return false;

                case PageState.Resident:
                    // Taken by a thread that has not looked at the flag yet; it gives the pin back when it does.
                    freed.Settle();
                    spinner.Once();
                    break;

                default:
                    freed.Settle();
                    domain.Parking.Wait(page);
                    break;
            }
        }
    }

    private void ForgetWatched() => domain.Watch.Forget(Pages.Words, region.PageCount);
}
