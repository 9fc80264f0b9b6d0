using System.Runtime.CompilerServices;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The face of a region: what must stop taking pins before a region is closed.</summary>
internal interface IRegionFace
{
    /// <summary>Sets the limit that the fast paths check to zero, or back.</summary>
    void SetOpen(bool open);
}

/// <summary>Dispose: stop new pins, look for old ones, sweep.</summary>
/// <remarks>Open → Closing (the flag is up, no pin will be taken and kept) → Closed, or back to Open when leases are out. Who pins sets
/// the pin and then looks at the flag; who closes sets the flag, makes every thread pass a barrier, and then looks for pins: one of them
/// sees the other (rule 4).</remarks>
internal sealed unsafe partial class PagedRegion
{
    private const int Open = 0;
    private const int Closing = 1;
    private const int Closed = 2;

    private int _state;

    /// <summary>Where taking the pages down has come to: it is one thread's at a time, and what an exception cut short is taken up again.</summary>
    private int _sweep;
    private const int NotSwept = 0;
    private const int Sweeping = 1;
    private const int Swept = 2;

    private bool _hasLeaked;

    /// <summary>Written by the thread that sweeps: unlike the other steps, a table is closed once.</summary>
    private bool _isTableClosed;
    private bool _isFinalizing;
    private IRegionFace? _face;

    internal bool IsClosing => Shared.Read(SharedWord.ArrayState, ref _state) != Open;

    internal bool IsClosed => Shared.Read(SharedWord.ArrayState, ref _state) == Closed;

    internal void SetFace(IRegionFace face) => _face = face;

    /// <summary>Closes the region. Does nothing when it is closed already.</summary>
    /// <exception cref="InvalidOperationException">Leases are out; nothing has changed.</exception>
    internal void Close(string what)
    {
        if (!BeginClose())
        {
            if (TryResumeClose())
            {
                CompleteClose();
            }

            return;
        }

        bool goesOn = false;
        try
        {
            Interlocked.MemoryBarrierProcessWide();
            TestHook.MayFail(FailurePoint.Closing);
            long pins = CountPins();
            if (pins != 0)
            {
                throw new InvalidOperationException($"{what} {Name} has {pins:N0} leases out. Dispose them first; nothing has been changed.".Replace("  ", " ", StringComparison.Ordinal));
            }

            goesOn = true;
        }
        finally
        {
            if (!goesOn)
            {
                AbandonClose();
            }
        }

        CompleteClose();
    }

    /// <summary>Whether the region is closed, and what it held has not been given back: an exception came between. The caller owes a
    /// <see cref="CompleteClose"/>.</summary>
    internal bool TryResumeClose() => IsClosed && Volatile.Read(ref _sweep) == NotSwept;

    /// <summary>Open → Closing. One thread wins; the caller owes a process-wide barrier before it looks at pins.</summary>
    internal bool TryBeginClose()
    {
        if (Shared.CompareExchange(SharedWord.ArrayState, ref _state, Closing, Open) != Open)
        {
            return false;
        }

        _face?.SetOpen(false);
        return true;
    }

    /// <summary>As <see cref="TryBeginClose"/>, but waits for another thread to decide. False when the region is closed.</summary>
    internal bool BeginClose()
    {
        Spinner spinner = default;
        while (!TryBeginClose())
        {
            if (IsClosed)
            {
                return false;
            }

            spinner.Once();
        }

        return true;
    }

    internal void AbandonClose()
    {
        TestHook.Reach(SharedWord.ArrayState);
        // In this order: once the state says Open, another thread may set the limit to zero again.
        _face?.SetOpen(true);
        Volatile.Write(ref _state, Open);
    }

    internal long CountPins()
    {
        long pins = 0;
        for (long granule = NextTouched(0, Granules); granule >= 0; granule = NextTouched(granule + 1, Granules))
        {
            pins += CountPins(granule);
        }

        return pins;
    }

    private long CountPins(long granule)
    {
        long pins = 0;
        if (!IsSmall)
        {
            // A page that is pinned stays where it is. Pins of which the table knows by now are counted there.
            ulong mark = GranuleWord.Enter(Marks + granule);
            for (uint node = GranuleWord.First(mark); node != 0; node = _nodes.Next(node))
            {
                pins += PinsOf(PageWord.Load(&_nodes[node]->Word));
            }

            GranuleWord.Exit(Marks + granule, mark, mark);
            if (GranuleWord.Form(mark) != GranuleForm.Linear)
            {
                return pins;
            }
        }

        long end = Math.Min((granule + 1) << GranuleShift, PageCount);
        for (long index = granule << GranuleShift; index < end; index++)
        {
            ulong word = PageWord.Load(Words + index);
            pins += PinsOf(PageWord.State(word) == PageState.Elsewhere ? LoadLocked(index) : word);
        }

        return pins;
    }

    private static int PinsOf(ulong word) => PageWord.IsResident(word) ? PageWord.Pins(word) : 0;

    /// <summary>Closing → Closed: takes every page down and gives everything back but the addresses. Called again after an exception, it goes on
    /// with what is left.</summary>
    internal void CompleteClose()
    {
        TestHook.Reach(SharedWord.ArrayState);
        if (!_domain.Swap.Rundown.TryEnter())
        {
            // The pager is gone, and everything with it.
            Volatile.Write(ref _state, Closed);
            return;
        }

        try
        {
            // NotSwept → Sweeping: races with another Dispose that takes up what an exception cut short; back, or on to Swept, by the thread that
            // won. Before Closed, so that nobody takes up what has only just begun.
            if (Shared.CompareExchange(SharedWord.ArrayState, ref _sweep, Sweeping, NotSwept) == NotSwept)
            {
                Volatile.Write(ref _state, Closed);
                bool complete = false;
                try
                {
                    Sweep();
                    complete = true;
                }
                finally
                {
                    Volatile.Write(ref _sweep, complete ? Swept : NotSwept);
                }
            }
        }
        finally
        {
            _domain.Swap.Rundown.Exit();
        }
    }

    /// <summary>Each step of it may be done twice.</summary>
    private void Sweep()
    {
        // Pairs with the fence behind a fault's claim: see FaultHandler.TryFill.
        Interlocked.MemoryBarrier();
        FreeBatch freed = new(_domain.Swap);
        try
        {
            for (long granule = NextTouched(0, Granules); granule >= 0; granule = NextTouched(granule + 1, Granules))
            {
                TestHook.MayFail(FailurePoint.Closing);
                Sweep(granule, ref freed);
            }
        }
        finally
        {
            // What was taken out of dead pages is known to nobody else.
            freed.Settle();
        }

        // Behind the sweep, which waits for claims: whatever page comes to be watched, its part is forgotten. A part that is covered later than this has none.
        if (WasWatched && !_hasLeaked)
        {
            _domain.Watch.Forget(Words, PageCount);
        }

        // A fault that is under way in a granule not seen above undoes itself: it looks at the flag after its claim.
        TestHook.Reach(SharedWord.PageTable);
        if (!_hasLeaked && !_isTableClosed)
        {
            _isTableClosed = true;
            _domain.Tables.Close(_table, (byte*)Words, _tableTaken);
        }

        _domain.CountTableBytes(-Interlocked.Exchange(ref _tableBytes, 0));
        _domain.Pressure.Set(ref _toldBytes, 0);
        TestHook.MayFail(FailurePoint.Closing);
        _domain.Remove(this);
    }

    private void Sweep(long granule, ref FreeBatch freed)
    {
        if (!IsSmall)
        {
            // Whoever had it locked without seeing the array closed is through, and nobody else links or moves anything from here on.
            ulong mark = GranuleWord.Enter(Marks + granule);
            GranuleWord.Exit(Marks + granule, mark, mark);
            while (GranuleWord.First(mark) is not 0 and uint node)
            {
                bool isFree = Kill(&_nodes[node]->Word, PageState.Gone, ref freed);
                ulong before = GranuleWord.Enter(Marks + granule);
                mark = GranuleWord.WithFirst(before, _nodes.Next(node));
                GranuleWord.Exit(Marks + granule, before, mark);
                if (isFree)
                {
                    _nodes.Free(node);
                }
            }

            if (GranuleWord.Form(mark) != GranuleForm.Linear)
            {
                return;
            }
        }

        long end = Math.Min((granule + 1) << GranuleShift, PageCount);
        for (long index = granule << GranuleShift; index < end; index++)
        {
            PrefetchStored(Math.Min(index + PrefetchedAhead, end - 1), ref freed);
            ulong word = PageWord.Load(Words + index);
            if (PageWord.State(word) != PageState.Elsewhere)
            {
                Kill(Words + index, PageState.Dead, ref freed);
                continue;
            }

            uint node = PageWord.Stored(word);
            bool isFree = Kill(&_nodes[node]->Word, PageState.Gone, ref freed);
            PageWord.KillElsewhere(Words + index);
            if (isFree)
            {
                _nodes.Free(node);
            }
        }
    }

    /// <summary>Takes one page down for good, whatever its state. Waits for claims, and for pins about to be undone; not with a debt.</summary>
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
                        FreeStored(word, ref freed);
                        return true;
                    }

                    break;

                case PageState.Resident when PageWord.Pins(word) == 0:
                    if (PageWord.TryBeginEvict(page, word))
                    {
                        ReleaseFrame(word, ref freed);
                        Wake(page, PageWord.CompleteEnd(page, word, end));
                        Evictor.GiveBack(Frames, Frames.FrameAt(PageWord.Offset(word)));
                        return true;
                    }

                    break;

                case PageState.Resident when _isFinalizing:
                    // A lease was dropped, not disposed, and its span may still be in use: its frame is never used again.
                    _hasLeaked = true;
                    _domain.Dropped.NoteLeak();
                    return false;

                case PageState.Resident:
                    // Taken by a thread that has not looked at the flag yet; it gives the pin back when it does.
                    freed.Settle();
                    spinner.Once();
                    break;

                default:
                    freed.Settle();
                    _domain.Parking.Wait(page);
                    break;
            }
        }
    }

    /// <summary>Returns when the region is open. Waits while another thread decides whether it can be closed, holding no pin.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AwaitOpen()
    {
        if (IsClosing)
        {
            AwaitOpenSlow();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AwaitOpenSlow()
    {
        Spinner spinner = default;
        while (IsClosing)
        {
            _domain.ThrowIfClosed();
            ObjectDisposedException.ThrowIf(IsClosed, _face ?? (object)this);
            spinner.Once();
        }
    }
}
