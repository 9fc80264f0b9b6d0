using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Brings pages in for threads that do not wait for them: single pages that somebody will ask for again, and operations whose end
/// is awaited.</summary>
/// <remarks>
/// One step function (<see cref="Step"/>), driven by the pager's background threads. When it has none, by work items of the .NET
/// thread pool, a few at most, and by the scheduler in tests. Any number of threads may be in it. A step deals with one request or one part
/// of an operation; it may wait for a device, never for a lease, and what goes wrong with a page is not its driver's business.
///
/// Streams that are found in faults (<see cref="Readahead"/>) and operations take turns, so that neither keeps the other waiting. This type
/// decides what a thread does next, and sees to it that one comes; what is done for a part of an operation is <see cref="OperationWorker"/>'s.
/// </remarks>
internal sealed class Prefetcher : IThreadPoolWorkItem
{
    /// <summary>Work items at once, at most: each may be waiting for a device.</summary>
    private const int MaxDrivers = 4;

    /// <summary>Steps after which a work item goes to the end of the thread pool's queue.</summary>
    private const int StepsInATurn = 32;

    /// <summary>Pages at the beginning of a range that the caller of a prefetch looks at itself, at most.</summary>
    private const int MaxLooks = 256;

    private readonly PagingDomain _domain;
    private readonly WakeSignal? _signal;
    private readonly FaultRequests _requests = new();
    private readonly RequestWatch _watch;
    private readonly HintCount _hints = new();
    private readonly int _maxDrivers = Math.Clamp(Environment.ProcessorCount, 1, MaxDrivers);

    /// <summary>Readers that have windows of their orders brought in. They share the frames.</summary>
    private int _windowReaders;

    /// <summary>Work items that are queued or run. One more by CAS, by who has added work; one less by the work item that
    /// ends.</summary>
    private int _drivers;

    /// <summary>Counts steps, so that operations and streams take turns.</summary>
    private int _turn;

    /// <summary>Looks at the requests where there are no background threads, while pages are being asked for. Made by who asks
    /// first.</summary>
    private Timer? _timer;

    internal Prefetcher(PagingDomain domain, WakeSignal? signal)
    {
        _domain = domain;
        _signal = signal;
        _watch = new RequestWatch(_requests, domain.Tuning.Time);
        Operations = new OperationQueue(domain);
        Worker = new OperationWorker(domain, Operations, _requests);
        Readahead = new Readahead(domain);
    }

    internal OperationQueue Operations { get; }

    /// <summary>What deals with parts of operations.</summary>
    internal OperationWorker Worker { get; }

    /// <summary>The arrays in which streams were found.</summary>
    internal Readahead Readahead { get; }

    /// <summary>How many readers have windows of their orders brought in. A hint.</summary>
    internal int WindowReaders => Math.Max(1, Volatile.Read(ref _windowReaders));

    /// <summary>Whether programs have asked for pages that are still to be brought in.</summary>
    internal bool IsAskedFor => _requests.IsAny || Operations.IsAny;

    private bool HasWork => IsAskedFor || Readahead.IsWanted;

    /// <summary>Asks for a page, as an access would bring it in, without waiting for anything. When there are too many requests, this one
    /// is dropped.</summary>
    internal void Request(PagedRegion region, long page)
    {
        _requests.TryAdd(region, page);
        if (!_watch.TryBegin())
        {
            return;
        }

        try
        {
            StartTimer();
            Wake();
        }
        catch (OutOfMemoryException)
        {
            // Whoever asks next begins anew.
            _watch.Abandon();
        }
    }

    /// <summary>One more reader has windows brought in, or one less.</summary>
    internal void NoteWindowReader(int change) => Interlocked.Add(ref _windowReaders, change);

    /// <summary>How long a background thread that has found nothing to do may sleep.</summary>
    /// <param name="milliseconds">As far as its other work goes; or infinite.</param>
    /// <param name="worker">Its number, from 0.</param>
    internal int LimitSleep(int milliseconds, int worker)
    {
        bool goesOn = _watch.GoesOn();
        if (!Readahead.GoesOn() && !goesOn)
        {
            return milliseconds;
        }

        int soon = RequestWatch.Period * (worker + 1);
        return milliseconds == Timeout.Infinite ? soon : Math.Min(milliseconds, soon);
    }

    /// <summary>Brings a range of pages into frames ahead of demand: as many as half of the frames that its
    /// page size could have.</summary>
    internal ValueTask Prefetch(PagedRegion region, long first, long end, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellation);
        }

        if (!NeedsFrames(region, ref first, end, out long most))
        {
            return ValueTask.CompletedTask;
        }

        ValueTask task = new PrefetchOperation(Operations, region, first, end, most).Start(cancellation);
        Wake();
        return task;
    }

    /// <summary>As <see cref="Prefetch"/>, for who does not wait for it. When there are too many of these, it does nothing.</summary>
    internal void Hint(PagedRegion region, long first, long end)
    {
        if (!NeedsFrames(region, ref first, end, out long most) || !_hints.TryAdd())
        {
            return;
        }

        bool isQueued = false;
        try
        {
            new HintOperation(_hints, Operations, region, first, end, most).Start();
            isQueued = true;
            Wake();
        }
        catch (OutOfMemoryException)
        {
            // A hint, and no more.
            if (!isQueued)
            {
                _hints.Remove();
            }
        }
    }

    /// <summary>There are pages of streams to bring in: sees to it that a thread comes for them. On the way of faults, which it does not
    /// stop.</summary>
    internal void WakeForReadahead()
    {
        try
        {
            Wake();
        }
        catch (OutOfMemoryException)
        {
            // The next fault of the stream tries again.
        }
    }

    /// <summary>Deals with one request, or with a part of one operation.</summary>
    /// <returns>False when there is nothing to do, or the pager is being closed.</returns>
    internal bool Step()
    {
        if (!HasWork)
        {
            return false;
        }

        // Work items of the thread pool are not joined: Dispose waits for who is inside.
        using Rundown.Scope held = _domain.Swap.Rundown.Hold();
        if (!held.IsInside || _domain.IsClosed)
        {
            return false;
        }

        if (_requests.TryTake(out PagedRegion? region, out long page))
        {
            _watch.NoteServed();
            WakeAnother();
            BringIn(region, page);
            return true;
        }

        return (Shared.Increment(SharedWord.Counter, ref _turn) & 1) == 0
            ? Readahead.Step() || TryWork()
            : TryWork() || Readahead.Step();
    }

    /// <summary>Ends all operations: prefetches are complete as far as they have come, and who waits for a pin is told that the pager is
    /// disposed. May be called twice.</summary>
    internal void Close() => Operations.Close();

    /// <summary>A turn of a work item.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        for (int i = 0; i < StepsInATurn; i++)
        {
            if (!TryStep())
            {
                Shared.Decrement(SharedWord.Counter, ref _drivers);

                // Whoever has added work since, and found no work item missing, relies on this look.
                Fences.AfterInterlocked();
                if (HasWork && !_domain.IsClosed)
                {
                    Wake();
                }

                return;
            }
        }

        Queue();
    }

    private bool TryWork()
    {
        if (!Operations.TryTake(out OperationPart part))
        {
            return false;
        }

        WakeAnother();
        Worker.Work(part);
        return true;
    }

    /// <summary>Passes over the first pages of a range, as long as there is nothing to do for them.</summary>
    /// <param name="region">The array.</param>
    /// <param name="first">The first page; of those that are left afterwards.</param>
    /// <param name="end">One past the last page.</param>
    /// <param name="most">How many more may be in frames for it.</param>
    private static bool NeedsFrames(PagedRegion region, ref long first, long end, out long most)
    {
        // Half of the frames, so that what was brought in first is not evicted for what comes last, and other data stays.
        most = Math.Max(1, region.Frames.MaxFrames / 2);
        for (int look = 0; look < MaxLooks && first < end && most > 0; look++)
        {
            first = region.NextWanted(first);
            if (first >= end || !PageFetcher.IsAtHand(region, first, out bool isResident))
            {
                break;
            }

            most -= isResident ? 1 : 0;
            first++;
        }

        return first < end && most > 0;
    }

    private bool TryStep()
    {
        try
        {
            return Step();
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private void BringIn(PagedRegion region, long page)
    {
        try
        {
            _domain.Fetcher.BringIn(region, page);
        }
        catch (Exception e) when (e is PageCorruptedException or OutOfMemoryException)
        {
            // Who asked will read the page in earnest, and be told.
        }

        GC.KeepAlive(region);
    }

    /// <summary>Looks at the requests from now on, where no background thread does.</summary>
    private void StartTimer()
    {
        if (_signal is not null || TestHook.Interleaver is not null)
        {
            return;
        }

        // It does not keep the pager alive, and ends with it.
        _timer ??= new Timer(
            static state =>
            {
                if (((WeakReference<Prefetcher>)state!).TryGetTarget(out Prefetcher? prefetcher))
                {
                    prefetcher.OnTimer();
                }
            },
            new WeakReference<Prefetcher>(this),
            Timeout.Infinite,
            Timeout.Infinite);
        _timer.Change(RequestWatch.Period, RequestWatch.Period);
    }

    private void OnTimer()
    {
        if (_requests.IsAny && !_domain.IsClosed)
        {
            Wake();
        }
        else if (_domain.IsClosed || !_watch.GoesOn())
        {
            _timer!.Change(Timeout.Infinite, Timeout.Infinite);

            // Somebody may have begun anew meanwhile, and started it just before it was stopped.
            if (_watch.IsOn && !_domain.IsClosed)
            {
                _timer.Change(RequestWatch.Period, RequestWatch.Period);
            }
        }
    }

    /// <summary>There is work: sees to it that a thread comes for it.</summary>
    internal void Wake()
    {
        if (_signal is not null)
        {
            _signal.Wake();
            return;
        }

        // A seeded scheduler has threads that take steps.
        if (TestHook.Interleaver is not null)
        {
            return;
        }

        // Pairs with the look of a work item that ends: it, or this, sees the other.
        Fences.AfterInterlocked();
        int drivers = Shared.Read(SharedWord.Counter, ref _drivers);
        while (drivers < _maxDrivers)
        {
            int found = Shared.CompareExchange(SharedWord.Counter, ref _drivers, drivers + 1, drivers);
            if (found == drivers)
            {
                Queue();
                return;
            }

            drivers = found;
        }
    }

    /// <summary>The caller has taken something; if there is more, another thread can deal with that meanwhile.</summary>
    private void WakeAnother()
    {
        if (HasWork)
        {
            Wake();
        }
    }

    /// <summary>Queues a work item that has been counted.</summary>
    private void Queue()
    {
        try
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        catch
        {
            Shared.Decrement(SharedWord.Counter, ref _drivers);
            throw;
        }
    }
}
