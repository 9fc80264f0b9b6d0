using System.Diagnostics.Metrics;
using Paging.Threading;

namespace Paging.Diagnostics;

/// <summary>The instruments of one meter, for all pagers that are shown in it. docs/watching.md has the same table.</summary>
/// <remarks>The runtime keeps a meter with its instruments alive. So pagers are only known weakly here: one that was dropped is collected,
/// and one that is disposed or collected has no series any more. Each observable instrument takes a snapshot of its own; that takes a few
/// microseconds.</remarks>
internal sealed class PagingInstruments
{
    private const string TierTag = "paging.tier";
    private const string EvictionTag = "paging.eviction.kind";
    private const string DirectionTag = "paging.io.direction";
    private const string GrowthTag = "paging.resident.growth";

    private static readonly KeyValuePair<string, object?> s_untouched = new(TierTag, "untouched");
    private static readonly KeyValuePair<string, object?> s_pool = new(TierTag, "pool");
    private static readonly KeyValuePair<string, object?> s_file = new(TierTag, "file");

    /// <summary>From a copy of a small page to a disk that stalls.</summary>
    private static readonly double[] s_seconds =
        [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1, 5];

    private readonly Meter _meter;

    /// <summary>Guards changes of <see cref="_pagers"/>, whose contents do not change.</summary>
    private readonly Gate _gate = new(isOfProcess: true);
    private Shown[] _pagers = [];

    /// <summary>Makes one each: those that there are not yet. By the thread that has <see cref="_isMaking"/>.</summary>
    private readonly Queue<Action> _missing = new();

    /// <summary>False → true by a thread that makes a pager, by exchange; back by that thread.</summary>
    private bool _isMaking;

    private Histogram<double>? _faultDuration;

    internal PagingInstruments(Meter meter)
    {
        _meter = meter;
        _missing.Enqueue(MakeFaultDuration);
        MakeBudgets();
        MakePages();
        MakeTraffic();
        MakeLeaks();
    }

    /// <summary>Null until it is made.</summary>
    internal Histogram<double>? FaultDuration => Volatile.Read(ref _faultDuration);

    /// <summary>Makes the instruments that are missing, unless another thread is at it. That one is not waited for, since it may wait for this
    /// one, in a listener.</summary>
    /// <remarks>What a listener throws ends it. The others are made for the next pager of the meter: an instrument cannot be taken back, and is
    /// not to be there twice.</remarks>
    internal void Complete()
    {
        if (Interlocked.Exchange(ref _isMaking, true))
        {
            return;
        }

        try
        {
            while (_missing.TryDequeue(out Action? make))
            {
                make();
            }
        }
        finally
        {
            Volatile.Write(ref _isMaking, false);
        }
    }

    internal static KeyValuePair<string, object?> TagOf(FaultTier tier) => tier switch
    {
        FaultTier.Pool => s_pool,
        FaultTier.File => s_file,
        _ => s_untouched,
    };

    internal void Add(IWatched pager)
    {
        using Gate.Scope held = _gate.Enter();
        _pagers = [.. _pagers.Where(static shown => shown.IsAlive), new Shown(pager)];
    }

    internal void Remove(IWatched pager)
    {
        using Gate.Scope held = _gate.Enter();
        _pagers = [.. _pagers.Where(shown => shown.IsAlive && !shown.Is(pager))];
    }

    /// <summary>If a listener throws, it is made but cannot be had.</summary>
    private void MakeFaultDuration() => Volatile.Write(
        ref _faultDuration,
        _meter.CreateHistogram(
            "paging.fault.duration",
            "s",
            "How long accesses waited for a page that they had to bring in themselves.",
            tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = s_seconds }));

    private void MakeBudgets()
    {
        Gauge("paging.resident.usage", "By", "Frames in use.", static s => s.ResidentBytes);
        Gauge("paging.resident.limit", "By", "What frames may take.", static s => s.ResidentBudgetBytes);
        Gauge("paging.pool.usage", "By", "Native memory of all segments of the pool.", static s => s.PoolBytes);
        Gauge("paging.pool.limit", "By", "What segments may take.", static s => s.PoolBudgetBytes);
        Gauge("paging.pool.stored", "By", "Live encoded bytes in the pool.", static s => s.PoolStoredBytes);
        Gauge("paging.pool.logical", "By", "Bytes that the pages in the pool decode to.", static s => s.PoolLogicalBytes);
        Gauge("paging.file.usage", "By", "Bytes of swap files in use.", static s => s.FileBytes);
        Gauge("paging.metadata.usage", "By", "Memory of page tables, descriptors and records.", static s => s.MetadataBytes);

        // No sum over pagers: each of them shows what is the whole process's.
        _missing.Enqueue(() => _meter.CreateObservableGauge(
            "paging.scratch.usage",
            () => Observe((static s => s.ScratchBytes, null)),
            "By",
            "Buffers and contexts of codecs, of all pagers of the process together."));
        _missing.Enqueue(() => _meter.CreateObservableGauge(
            "paging.faults.saved",
            ObserveSaved,
            "1",
            "Expected share of today's faults that larger frames would save."));
    }

    private void MakePages()
    {
        Gauge("paging.file.pages", "{page}", "Pages whose only copy is in a swap file.", static s => s.FilePages);
        Gauge("paging.same_filled.pages", "{page}", "Pages kept as a pattern.", static s => s.SameFilledPages);
        Gauge("paging.incompressible.pages", "{page}", "Pages stored raw.", static s => s.IncompressiblePages);
        Count("paging.recompressed.pages", "{page}", "Pages compressed again when they had gone cold.", static s => s.RecompressedPages);
        Count("paging.corrupted.pages", "{page}", "Accesses to pages that failed their checksum.", static s => s.CorruptedPages);
        Count("paging.prefetched.pages", "{page}", "Pages brought in ahead of demand.", static s => s.PrefetchedPages);
        Count("paging.prefetched.wasted", "{page}", "Of these, evicted before anybody used them.", static s => s.PrefetchWasted);
    }

    private void MakeTraffic()
    {
        Count(
            "paging.faults",
            "{fault}",
            "Pages brought into frames, by where they were.",
            (static s => s.Faults - s.FaultsFromPool - s.FaultsFromFile, s_untouched),
            (static s => s.FaultsFromPool, s_pool),
            (static s => s.FaultsFromFile, s_file));
        Count(
            "paging.evictions",
            "{eviction}",
            "Frames given up: clean ones had a good copy elsewhere, the others were stored.",
            (static s => s.CleanEvictions, new(EvictionTag, "clean")),
            (static s => s.Evictions - s.CleanEvictions, new(EvictionTag, "stored")));
        Count("paging.reclaims.direct", "{page}", "Frames that a faulting thread had to free itself.", static s => s.DirectReclaims);
        Count("paging.writebacks", "{segment}", "Segments written to swap files.", static s => s.Writebacks);
        Count(
            "paging.io",
            "By",
            "Bytes read from and written to files.",
            (static s => s.BytesRead, new(DirectionTag, "read")),
            (static s => s.BytesWritten, new(DirectionTag, "write")));
        Count("paging.io.errors", "{error}", "Reads and writes of files that failed.", static s => s.IoErrors);
    }

    private void MakeLeaks()
    {
        Gauge("paging.leases", "{lease}", "Leases out now.", static s => s.Pins);
        Gauge("paging.arrays", "{array}", "Arrays that are not disposed.", static s => s.Arrays);
        Count("paging.arrays.dropped", "{array}", "Arrays that were dropped without Dispose.", static s => s.DroppedArrays);
        Count("paging.leases.lost", "{lease}", "Pages that stay pinned for good by leases never disposed.", static s => s.LostFrames);
    }

    private void Gauge(string name, string unit, string description, Func<PagerStatistics, long> read) =>
        _missing.Enqueue(() => _meter.CreateObservableUpDownCounter(name, () => Observe((read, null)), unit, description));

    private void Count(string name, string unit, string description, Func<PagerStatistics, long> read) =>
        Count(name, unit, description, (read, null));

    private void Count(
        string name,
        string unit,
        string description,
        params (Func<PagerStatistics, long> Read, KeyValuePair<string, object?>? Tag)[] series) =>
        _missing.Enqueue(() => _meter.CreateObservableCounter(name, () => Observe(series), unit, description));

    private List<Measurement<long>> Observe(params (Func<PagerStatistics, long> Read, KeyValuePair<string, object?>? Tag)[] series)
    {
        var measurements = new List<Measurement<long>>();
        foreach (Shown shown in Volatile.Read(ref _pagers))
        {
            if (!shown.TryRead(out PagerStatistics statistics))
            {
                continue;
            }

            foreach ((Func<PagerStatistics, long> read, KeyValuePair<string, object?>? tag) in series)
            {
                long value = read(statistics);
                measurements.Add(tag is { } second
                    ? new Measurement<long>(value, shown.NameTag, second)
                    : new Measurement<long>(value, shown.NameTag));
            }
        }

        return measurements;
    }

    private List<Measurement<double>> ObserveSaved()
    {
        var measurements = new List<Measurement<double>>();
        foreach (Shown shown in Volatile.Read(ref _pagers))
        {
            // NaN says that too little is known, and most that collect cannot take it.
            if (shown.TryRead(out PagerStatistics statistics) && !double.IsNaN(statistics.FaultsSaved.Plus25))
            {
                (double plus25, double plus50, double plus100) = statistics.FaultsSaved;
                measurements.Add(new Measurement<double>(plus25, shown.NameTag, new(GrowthTag, "25%")));
                measurements.Add(new Measurement<double>(plus50, shown.NameTag, new(GrowthTag, "50%")));
                measurements.Add(new Measurement<double>(plus100, shown.NameTag, new(GrowthTag, "100%")));
            }
        }

        return measurements;
    }

    /// <summary>A pager, without keeping it alive.</summary>
    private sealed class Shown(IWatched pager)
    {
        private readonly WeakReference<IWatched> _pager = new(pager);

        internal KeyValuePair<string, object?> NameTag { get; } = new(PagerMeter.NameTag, pager.Name);

        internal bool IsAlive => _pager.TryGetTarget(out _);

        internal bool Is(IWatched pager) => _pager.TryGetTarget(out IWatched? own) && own == pager;

        internal bool TryRead(out PagerStatistics statistics)
        {
            statistics = default;
            return _pager.TryGetTarget(out IWatched? pager) && pager.TryRead(out statistics);
        }
    }
}
