using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Everything behind a <see cref="Pager"/>: the layers, the list of arrays, the background threads, and their native
/// memory.</summary>
/// <remarks>Native memory is unmapped when its last holder lets go: the pager, and every region until its finalizer has run. Until then
/// addresses stay valid, whatever was disposed: a late reader reads zeroes and causes no fault (rule 4).</remarks>
internal sealed class PagingDomain
{
    // The values of _teardown.
    private const int NotBegun = 0;
    private const int TearingDown = 1;
    private const int TornDown = 2;

    private readonly BackgroundWorker[] _workers;
    private readonly WakeSignal? _signal;
    private readonly bool _isComplete;
    private long _tableBytes;
    private readonly long _leasesBefore;
    private int _holders = 1;
    private int _closed;

    /// <summary>How far the teardown has come, once the pager is closed. One thread at a time tears down. The next Dispose, or the
    /// finalizer, goes on with what an exception cut short.</summary>
    private int _teardown;

    /// <summary>The regions that closing the pager closes. Used under the gate, and then by the thread that tears down.</summary>
    private List<PagedRegion> _closing = [];

    /// <param name="options">The pager's, copied and checked.</param>
    /// <param name="tuning">What users do not see.</param>
    /// <param name="meter">Where its figures are shown; null for nowhere. The caller's, until this returns.</param>
    internal PagingDomain(PagerOptions options, PagerTuning tuning, PagerMeter? meter = null)
    {
        Options = options;
        Tuning = tuning;
        Meter = meter;
        Figures = new DomainFigures(this, meter?.PagerName ?? "pager");
        Regions = new RegionTable(this);
        int processors = Environment.ProcessorCount;
        Counters = new Counters(processors);
        (LeaseSlot, _leasesBefore) = LeaseCounts.TakeSlot();
        Tracker = options.TrackLeases ? new LeaseTracker(LeaseSlot, tuning.Time) : null;
        Policies = new PolicyTable(new CompressionPolicy(elementBytes: 1, options.Compression, filter: null));
        Pressure = new CollectorPressure(options.ResidentBytes + options.PoolBytes);
        SwapFiles = new SwapFiles(this);
        Dropped = new DroppedArrays(this, tuning.Time);
        _workers = new BackgroundWorker[options.BackgroundThreads];
        try
        {
            Frames = new FramePool(options.ResidentBytes) { ForecastRests = tuning.ForecastRests };
            Nodes = new PageNodes();
            Swap = new SwapStore(
                options.PoolBytes,
                options.PageBytes,
                processors + options.BackgroundThreads,
                Counters,
                tuning.Time,
                tuning.ColdAfter,
                options.ResidentBytes);
            Clock = new FrameClock(Frames, Swap, options.BackgroundThreads > 0);
            Evictor = new Evictor(Swap, Policies, Clock, Parking, Counters);
            var shifter = new FrameShifter(Frames, Swap, Evictor);
            DirtyLimit = new DirtyLimit(Frames, Swap, Evictor, shifter, Parking);
            var shrinker = new FrameShrinker(this, shifter);
            Resizer = new Resizer(this, shrinker, new PoolShrinker(this, shrinker));
            Trimmer = new IdleTrimmer(this, shrinker);
            Follower = options.FollowMemoryPressure
                ? new MemoryFollower(this, tuning.Memory ?? new SystemMemory(), options.MinResidentBytes, options.MinPoolBytes)
                : null;
            Reclaimer = new Reclaimer(Frames, Swap, Clock, Evictor, shifter, DirtyLimit, Counters, tuning.Time);
            Queue = new LeaseQueue(this);
            Filler = new PageFiller(this);
            Fetcher = new PageFetcher(this);
            Faults = new FaultHandler(this);
            Leasing = new LeasePinner(this);
            _signal = options.BackgroundThreads > 0 ? new WakeSignal() : null;
            Prefetcher = new Prefetcher(this, _signal);
            Reclaimer.Signal = _signal;
            Swap.Budget.Signal = _signal;
            for (int i = 0; i < _workers.Length; i++)
            {
                _workers[i] = new BackgroundWorker(this, _signal!, i);
            }
        }
        catch
        {
            // Workers that have started must have stopped using the memory before it is unmapped.
            _signal?.Stop();
            Array.ForEach(_workers, static worker => worker?.Join());
            Swap?.Release();
            Nodes?.Release();
            Frames?.Release();
            throw;
        }

        CodecContexts.AddUser();
        _isComplete = true;
        Meter?.Attach(Figures);
    }

    ~PagingDomain()
    {
        // Neither the pager nor any array is left. So the threads have nothing to do, and this finalizer gives up the pager's hold.
        _signal?.Stop();
        if (!_isComplete)
        {
            Tracker?.Close();
            LeaseCounts.GiveSlotBack(LeaseSlot);
        }

        bool wasOpen = Interlocked.Exchange(ref _closed, 1) == 0;
        if (_isComplete && (wasOpen || Volatile.Read(ref _teardown) != TornDown))
        {
            Meter?.CloseLater();
            Pressure.Close();
            CodecContexts.RemoveUser();
            LetGo();
        }
    }

    internal PagerOptions Options { get; }

    internal PagerTuning Tuning { get; }

    /// <summary>Where its figures are shown; null for nowhere.</summary>
    internal PagerMeter? Meter { get; }

    /// <summary>What it shows of itself.</summary>
    internal DomainFigures Figures { get; }

    /// <summary>What it is called in metrics and events.</summary>
    internal string Name => Figures.Name;

    internal Counters Counters { get; }

    internal FramePool Frames { get; }

    internal SwapStore Swap { get; }

    internal SwapFiles SwapFiles { get; }

    internal TableMemory Tables { get; } = new();

    /// <summary>The nodes of the pages of all arrays that lie alone.</summary>
    internal PageNodes Nodes { get; }

    internal RegionTable Regions { get; }

    internal ParkingLot Parking { get; } = new();

    internal PolicyTable Policies { get; }

    internal SharedChoosers Choosers { get; } = new();

    internal FrameClock Clock { get; }

    internal Evictor Evictor { get; }

    internal DirtyLimit DirtyLimit { get; }

    internal Reclaimer Reclaimer { get; }

    internal LeaseQueue Queue { get; }

    internal PageFiller Filler { get; }

    /// <summary>Brings pages in without pinning them.</summary>
    internal PageFetcher Fetcher { get; }

    /// <summary>Changes the budgets.</summary>
    internal Resizer Resizer { get; }

    /// <summary>Gives back what is not in use.</summary>
    internal IdleTrimmer Trimmer { get; }

    /// <summary>Moves the budgets by the memory that is left; null when they stay.</summary>
    internal MemoryFollower? Follower { get; }

    internal FaultHandler Faults { get; }

    internal LeasePinner Leasing { get; }

    /// <summary>Brings pages in for threads that do not wait for them.</summary>
    internal Prefetcher Prefetcher { get; }

    /// <summary>Tells the collector how much memory arrays hold.</summary>
    internal CollectorPressure Pressure { get; }

    internal DroppedArrays Dropped { get; }

    /// <summary>The slot in which this pager's leases are counted.</summary>
    internal int LeaseSlot { get; }

    /// <summary>The number of leases out now.</summary>
    internal long Leases => LeaseSlot == LeaseCounts.SharedSlot
        ? Leasing.CountPins()
        : Math.Max(0, LeaseCounts.Sum(LeaseSlot) - _leasesBefore + Leasing.Owned + Watch.CountPins());

    /// <summary>Where each lease out was taken; null when that is not recorded.</summary>
    internal LeaseTracker? Tracker { get; }

    /// <summary>The pages whose leases are not counted one by one.</summary>
    internal LeaseWatch Watch { get; } = new();

    /// <summary>Whether the calling thread is known to have leases itself. Then it must not wait for the leases of other threads, which may
    /// wait for its own.</summary>
    /// <remarks>Leases that it has on watched pages are not known. A wait then ends when its time is up.</remarks>
    internal bool HoldsLeases => LeaseCounts.OfThisThread(LeaseSlot) > 0;

    internal bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Does a step of the work that a thread may be waiting for.</summary>
    /// <returns>False when there is nothing to do, or nothing that can succeed now.</returns>
    internal bool Step()
    {
        bool any = false;
        if (!IsClosed)
        {
            // Both, or a long prefetch would leave reclaim to the faulting threads.
            any = Prefetcher.Step();
            any |= Reclaimer.Step();
        }

        // Nothing below refers to the domain, whose finalizer unmaps the memory that the step works on.
        GC.KeepAlive(this);
        return any;
    }

    /// <summary>Does a step of background work: first what a thread may be waiting for; if there is none of that, work that can
    /// wait.</summary>
    /// <param name="worker">The calling thread's number, from 0.</param>
    /// <param name="wait">Milliseconds to sleep, at most, when there is nothing to do; or infinite.</param>
    /// <returns>False when there is nothing to do now.</returns>
    internal bool Step(int worker, out int wait)
    {
        wait = 0;
        int next = Keep();
        bool any = Step();
        if (!any)
        {
            wait = IsClosed ? Timeout.Infinite : Prefetcher.LimitSleep(Shorter(Swap.Recompressor.Step(worker + 1), next), worker);
            any = wait == 0;
        }

        GC.KeepAlive(this);
        return any;
    }

    /// <summary>Looks after memory that is not in use, and after what is left of it, when it is time to. Also when there is always something
    /// to do.</summary>
    /// <returns>Milliseconds until it is time again; or infinite.</returns>
    private int Keep()
    {
        if (IsClosed)
        {
            return Timeout.Infinite;
        }

        int next = Trimmer.Step();
        return Follower is { } follower ? Shorter(next, follower.Step()) : next;
    }

    private static int Shorter(int one, int other) => (int)Math.Min((uint)one, (uint)other);

    /// <summary>Opens a scope. Until it ends, the memory stays, and Dispose waits.</summary>
    internal DomainScope Enter()
    {
        if (!Swap.Rundown.TryEnter())
        {
            ThrowHelper.ThrowPagerDisposed();
        }

        return new DomainScope(this);
    }

    internal void ThrowIfClosed()
    {
        if (IsClosed)
        {
            ThrowHelper.ThrowPagerDisposed();
        }
    }

    /// <summary>Memory of page tables.</summary>
    internal long TableBytes => Volatile.Read(ref _tableBytes);

    internal void CountTableBytes(long change) => Interlocked.Add(ref _tableBytes, change);

    internal PagerStatistics GetStatistics() => Figures.Read();

    /// <summary>One hold more on the native memory, by who has one.</summary>
    internal void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>Gives up one hold on the native memory. The last one unmaps it.</summary>
    internal void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Regions.Clear();
            Tracker?.Close();
            LeaseCounts.GiveSlotBack(LeaseSlot);
            Tables.Release();
            Nodes.Release();
            Frames.Release();
            Swap.Release();
        }
    }

    /// <summary>Closes all arrays, or none when leases are out. Called again after an exception, it goes on with what is left.</summary>
    internal void Close()
    {
        if (!IsClosed)
        {
            CloseRegions();
        }

        // NotBegun → TearingDown: races with another Dispose. Back, or on to TornDown: by the thread that won.
        if (Interlocked.CompareExchange(ref _teardown, TearingDown, NotBegun) != NotBegun)
        {
            return;
        }

        bool complete = false;
        try
        {
            TearDown();
            complete = true;
        }
        finally
        {
            Volatile.Write(ref _teardown, complete ? TornDown : NotBegun);
        }

        // These happen once, whatever was done twice before. Listeners are told last: they may do anything.
        CodecContexts.RemoveUser();
        LetGo();
        Meter?.Close(Figures);
    }

    private void CloseRegions()
    {
        using Gate.Scope held = Regions.Gate.Enter();
        if (IsClosed)
        {
            return;
        }

        TestHook.MayFail(FailurePoint.Allocation);
        var regions = new List<PagedRegion>(Regions.Capacity);
        bool goesOn = false;
        try
        {
            foreach (PagedRegion region in Regions.Alive())
            {
                if (region.Pages.State.BeginClose())
                {
                    regions.Add(region);
                }
            }

            Fences.AgainstInterlocked();
            TestHook.MayFail(FailurePoint.Closing);
            long pins = AccessWait.CountLeases(this, CollectionsMarshal.AsSpan(regions));
            if (pins != 0)
            {
                ThrowHelper.ThrowLeasesOut(this, region: null, $"Pager {Name}", pins);
            }

            goesOn = true;
        }
        finally
        {
            if (!goesOn)
            {
                regions.ForEach(static region => region.Pages.State.AbandonClose());
            }
        }

        _closing = regions;
        Volatile.Write(ref _closed, 1);
    }

    /// <summary>Gives everything back. Each step may be done twice.</summary>
    private void TearDown()
    {
        _closing.ForEach(static region => region.Closer.Complete());
        Pressure.Close();
        TestHook.MayFail(FailurePoint.Closing);
        _signal?.Stop();
        Array.ForEach(_workers, static worker => worker?.Join());
        Prefetcher.Close();
        Swap.Rundown.Close();
        TestHook.MayFail(FailurePoint.Closing);
        Swap.CloseFiles();
        TestHook.MayFail(FailurePoint.Closing);
        Tables.DecommitAll();
        Nodes.DecommitAll();
        Frames.DecommitAll();
        Swap.DecommitAll();
        _closing = [];
    }
}
