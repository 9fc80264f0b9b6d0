using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Paging.Stress.Driver;
using Paging.Tests.Protocol;

namespace Paging.Tests.Diagnostics;

/// <summary>What meters show of pagers: the figures of GetStatistics, each pager's by itself, and as long as there is a pager.</summary>
[Collection(Alone.Name)]
public sealed class MetricsTests
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);

    private static readonly PagerOptions s_options = new()
    {
        PageBytes = PageBytes,
        ResidentBytes = 32 * PageBytes,
        PoolBytes = 2 << 20,
        BackgroundThreads = 0,
    };

    [Fact]
    public void A_collector_sees_every_instrument_with_the_values_of_GetStatistics()
    {
        using Pager pager = Make("all");
        using PagedArray<long> array = Work(pager);
        using var seen = new Seen("all");
        Dictionary<string, double> metrics = seen.Collect();
        PagerStatistics now = pager.GetStatistics();
        Dictionary<string, double> expected = Expected(now);
        Assert.Equal(
            expected.Keys.Order(), metrics.Keys.Where(static name => !name.StartsWith("paging.faults.saved", StringComparison.Ordinal)).Order());
        Assert.All(expected, pair => Assert.Equal(pair.Value, metrics[pair.Key]));
        Assert.True(now is { Faults: > 0, Evictions: > 0, FaultsFromPool: > 0, Writebacks: > 0, Pins: 0, Arrays: 1 }, now.ToString());
    }

    [Fact]
    public void OpenTelemetry_exports_them_tells_two_pagers_apart_and_sees_one_end()
    {
        // Pagers of other tests that have not been collected yet have series, too.
        var exported = new List<MetricSnapshot>();
        using MeterProvider provider =
            Sdk.CreateMeterProviderBuilder().AddMeter("Paging").SetMaxMetricStreams(100_000).AddInMemoryExporter(exported).Build();
        using Pager one = Make("one");
        using Pager two = Make("two");
        using PagedArray<long> ofOne = Work(one);
        using PagedArray<long> ofTwo = Work(two, pages: 300);
        AssertExported(one);
        AssertExported(two);

        // Also the times of faults, which OpenTelemetry adds up itself.
        Assert.Equal(0, Series("one", "paging.fault.duration").Count(static point => point.GetHistogramCount() == 0));
        one.Dispose();
        exported.Clear();
        Assert.True(provider.ForceFlush());
        exported.Clear();
        AssertExported(two);
        Assert.Empty(exported.SelectMany(metric => Series("one", metric.Name)));
        Assert.NotEmpty(Series("two", "paging.fault.duration"));

        void AssertExported(Pager pager)
        {
            exported.Clear();
            Assert.True(provider.ForceFlush());
            Dictionary<string, double> expected = Expected(pager.GetStatistics());
            foreach ((string name, double value) in expected)
            {
                string[] parts = name.Split('/');
                List<MetricPoint> points = [.. Series(pager.Name, parts[0])
                    .Where(point => parts.Length == 1 || TagsOf(point).ContainsValue(parts[1]))];
                double found = points.Sum(point => (double)point.GetSumOrGauge(exported.First(metric => metric.Name == parts[0]).MetricType));
                Assert.True(points.Count == 1 && found == value, $"{pager.Name}: {name} is {found:N0}, not {value:N0}");
            }
        }

        List<MetricPoint> Series(string pager, string name) => [.. exported.Where(metric => metric.Name == name)
            .SelectMany(static metric => metric.MetricPoints)
            .Where(point => TagsOf(point).GetValueOrDefault("paging.pager.name") as string == pager)];
    }

    [Fact]
    public void A_pager_with_a_factory_has_its_series_in_the_meter_of_the_factory_and_they_end_with_it()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        IMeterFactory factory = services.GetRequiredService<IMeterFactory>();
        using Pager one = Make("one", factory);
        using Pager two = Make("two", factory);
        using PagedArray<long> ofOne = Work(one);
        using PagedArray<long> ofTwo = Work(two, pages: 300);
        using var collector = new MetricCollector<long>(factory, "Paging", "paging.faults");
        collector.RecordObservableInstruments();
        Assert.Equal(
            new[] { ("one", one.GetStatistics().Faults), ("two", two.GetStatistics().Faults) },
            collector.GetMeasurementSnapshot().GroupBy(Name).Select(static group => (group.Key, group.Sum(static one => one.Value))).Order());
        one.Dispose();
        collector.Clear();
        collector.RecordObservableInstruments();
        Assert.All(collector.GetMeasurementSnapshot(), static measurement => Assert.Equal("two", Name(measurement)));
        Assert.NotEmpty(collector.GetMeasurementSnapshot());
    }

    [Fact]
    public void Pagers_that_come_and_go_leave_no_instruments_in_the_meter_of_a_factory()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        IMeterFactory factory = services.GetRequiredService<IMeterFactory>();
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, factory))
                {
                    instruments.Add(instrument);
                }
            },
        };
        listener.Start();
        for (int i = 0; i < 20; i++)
        {
            Make(null, factory).Dispose();
        }

        Assert.Equal(instruments.Count, instruments.Select(static instrument => instrument.Name).Distinct().Count());
        Assert.NotEmpty(instruments);
    }

    [Fact]
    public void A_pager_without_a_factory_has_a_meter_of_its_own_whose_scope_are_its_options()
    {
        using Pager pager = Make(null);
        using PagedArray<long> array = Work(pager);
        using var collector = new MetricCollector<long>(pager.Options, "Paging", "paging.evictions");
        collector.RecordObservableInstruments();
        Assert.Equal(pager.GetStatistics().Evictions, collector.GetMeasurementSnapshot().Sum(static measurement => measurement.Value));
        Assert.All(collector.GetMeasurementSnapshot(), measurement => Assert.Equal(pager.Name, Name(measurement)));
        pager.Dispose();
        collector.Clear();
        collector.RecordObservableInstruments();
        Assert.Empty(collector.GetMeasurementSnapshot());
    }

    [Fact]
    public void Meters_do_not_keep_dropped_pagers()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var listener = new MeterListener { InstrumentPublished = static (instrument, self) => self.EnableMeasurementEvents(instrument) };
        listener.Start();
        WeakReference own = Drop(null);
        WeakReference shared = Drop(services.GetRequiredService<IMeterFactory>());
        for (int i = 0; i < 50 && (own.IsAlive || shared.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(own.IsAlive || shared.IsAlive);
        listener.RecordObservableInstruments();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Drop(IMeterFactory? factory) => new(Internals.Domain(Make("dropped", factory)), trackResurrection: true);
    }

    [Fact]
    public void Faults_are_timed_by_where_their_pages_were_and_only_those_of_accesses()
    {
        using Pager pager = Make("timed");
        var times = new List<(double Seconds, string Tier)>();
        using MeterListener listener = ListenToFaults(pager, (seconds, tags) => times.Add((seconds, Tag(tags, "paging.tier"))));
        using PagedArray<long> array = Work(pager);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(now.FaultsFromPool, times.Count(static time => time.Tier == "pool"));
        Assert.Equal(now.FaultsFromFile, times.Count(static time => time.Tier == "file"));
        Assert.Equal(now.Faults, times.Count);
        Assert.True(now is { FaultsFromPool: > 0, FaultsFromFile: > 0 });
        Assert.All(times, static time => Assert.InRange(time.Seconds, 0, 100));
    }

    [Fact]
    public void Neither_hits_nor_faults_nor_evictions_allocate_while_somebody_listens()
    {
        using Pager pager = Make("quiet");
        long count = 0;
        using MeterListener listener = ListenToFaults(pager, (_, _) => count++);
        using PagedArray<long> array = pager.Allocate<long>(200 * PageLength);
        long sum = 0;
        Run();
        Run();
        Assert.Equal(0, Codecs.Allocations.Least(Run, uses: 1));
        Assert.True(count > 600 && sum != -1);

        void Run()
        {
            for (int i = 0; i < 2000; i++)
            {
                array[(long)i * 37 % 200 * PageLength] = i;
                using ReadLease<long> lease = array.Read((long)i * 53 % 200 * PageLength);
                sum += lease.Span[0];
            }
        }
    }

    [Fact]
    public void A_listener_that_throws_does_not_break_a_fault()
    {
        using Pager pager = Make("thrown");
        using MeterListener listener = ListenToFaults(pager, static (_, _) => throw new InvalidOperationException("a listener's"));
        using PagedArray<long> array = Work(pager);
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public void A_listener_may_copy_ranges_of_another_pager_while_reads_of_a_range_are_under_way()
    {
        using Pager pager = Make("copied from");
        using Pager other = Make("copied from meanwhile");
        using PagedArray<long> array = Work(pager);
        using PagedArray<long> another = Work(other);
        const int Length = 50 * PageLength;
        var meanwhile = new long[Length];
        int next = 0;
        Exception? failure = null;
        using MeterListener listener = ListenToFaults(pager, (_, _) =>
        {
            try
            {
                another.CopyTo(next++ % 25 * (long)Length, meanwhile);
            }
            catch (Exception e)
            {
                failure ??= e;
            }
        });
        var copy = new long[Length];
        for (long start = 0; start < array.Length; start += 5 * Length)
            array.CopyTo(start, copy);
        Assert.Null(failure);
        Assert.True(next > 200, $"{next} faults");
    }

    [Fact]
    public void A_listener_may_remove_the_file_of_which_reads_are_under_way()
    {
        using Pager pager = Make("removed from");
        SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 16 << 20, Priority = 1 });
        using PagedArray<long> array = Work(pager);
        bool isRemoved = false;
        int faults = 0;
        using MeterListener listener = ListenToFaults(pager, (_, _) =>
        {
            if (++faults == 100)
            {
                pager.RemoveSwapFileAsync(file).AsTask().Wait();
                isRemoved = true;
            }
        });
        var copy = new long[50 * PageLength];
        for (long start = 0; start < array.Length; start += copy.Length)
            array.CopyTo(start, copy);
        Assert.True(isRemoved);
    }

    [Fact]
    public void A_factory_that_throws_or_makes_nothing_leaves_nothing_behind()
    {
        int threads = Face.Figures.Threads();
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(
                "no",
                Assert.Throws<NotSupportedException>(static () => Make("x", new Factory(static _ => throw new NotSupportedException("no")))).Message);
            Assert.Contains(
                "IMeterFactory",
                Assert.Throws<InvalidOperationException>(static () => Make("x", new Factory(static _ => null!))).Message,
                StringComparison.Ordinal);
        }

        Face.Figures.AssertAtMost(threads, Face.Figures.Threads);
    }

    [Fact]
    public void A_pager_that_cannot_be_made_leaves_no_meter()
    {
        int published = 0;
        int ended = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope is PagerOptions { Name: "unmade" })
                {
                    published++;
                    self.EnableMeasurementEvents(instrument);
                }
            },
            MeasurementsCompleted = (_, _) => ended++,
        };
        listener.Start();
        Assert.ThrowsAny<IOException>(() => new Pager(
            s_options with { Name = "unmade", SwapFiles = [new SwapFileOptions { Path = "/nowhere/at/all", Bytes = 4 << 20 }] }));
        Assert.True(published > 0);
        Assert.Equal(published, ended);
    }

    [Fact]
    public void A_listener_that_throws_at_an_instrument_leaves_no_meter()
    {
        using (var refusing = new MeterListener())
        {
            refusing.InstrumentPublished = static (instrument, _) =>
            {
                if (instrument.Meter.Scope is PagerOptions { Name: "refused" } && instrument.Name == "paging.faults")
                    throw new NotSupportedException("a listener's");
            };
            refusing.Start();
            Assert.Throws<NotSupportedException>(static () => Make("refused"));
        }

        int left = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) => left += instrument.Meter.Scope is PagerOptions { Name: "refused" } ? 1 : 0;
        listener.Start();
        Assert.Equal(0, left);
    }

    [Fact]
    public void A_listener_that_throws_at_an_instrument_of_a_factory_has_it_once()
    {
        using var meter = new Meter("Paging");
        bool refuses = true;
        using (var refusing = new MeterListener())
        {
            refusing.InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter == meter && refuses && instrument.Name == "paging.faults")
                    throw new NotSupportedException("a listener's");
            };
            refusing.Start();
            Assert.Throws<NotSupportedException>(() => Make("once", new Factory(_ => meter)));
            refuses = false;
            Make("once", new Factory(_ => meter)).Dispose();
        }

        var names = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter == meter)
                names.Add(instrument.Name);
        };
        listener.Start();
        Assert.Contains("paging.faults", names);
        Assert.Contains("paging.leases.lost", names);
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void A_listener_may_wait_for_another_pager_of_the_same_factory()
    {
        using var meter = new Meter("Paging");
        bool? isMade = null;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter != meter)
                return;
            self.EnableMeasurementEvents(instrument);
            if (isMade is not null)
                return;
            isMade = false;
            var other = new Thread(() => Make("second", new Factory(_ => meter)).Dispose()) { IsBackground = true };
            other.Start();
            isMade = other.Join(TimeSpan.FromMinutes(1));
        };
        int faults = 0;
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref faults));
        listener.Start();
        using Pager pager = Make("first", new Factory(_ => meter));
        Assert.True(isMade);
        using PagedArray<long> array = Work(pager);
        Assert.True(faults > 0);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \t")]
    public void An_empty_name_is_refused(string name) =>
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => Make(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_is_at_most_128_characters_long()
    {
        Make(new string('n', 128)).Dispose();
        Assert.Contains("129", Assert.Throws<ArgumentException>(static () => Make(new string('n', 129))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pagers_without_a_name_have_different_ones()
    {
        using Pager one = Make(null);
        using Pager two = Make(null);
        Assert.NotEqual(one.Name, two.Name);
        Assert.StartsWith("pager-", one.Name, StringComparison.Ordinal);
        Assert.Null(one.Options.Name);
    }

    private static Pager Make(string? name, IMeterFactory? factory = null) => new(s_options with
    {
        Name = name,
        MeterFactory = factory,
    });

    /// <summary>Pages in frames, in the pool and in a file, read and written.</summary>
    private static PagedArray<long> Work(Pager pager, int pages = 1500)
    {
        pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 16 << 20 });
        PagedArray<long> array = pager.Allocate<long>((long)pages * PageLength);
        var page = new long[PageLength];
        for (long start = 0; start < array.Length; start += PageLength)
        {
            Content.Write<long>(ContentKind.Noise, (ulong)start + 1, page);
            array.CopyFrom(start, page);
        }

        for (long start = 0; start < array.Length; start += PageLength)
        {
            Assert.NotEqual(0, array[start] | array[start + 1]);
        }

        return array;
    }

    /// <summary>What each instrument has to show, by name and, of those with several series, the value of a tag.</summary>
    private static Dictionary<string, double> Expected(in PagerStatistics s) => new()
    {
        ["paging.resident.usage"] = s.ResidentBytes,
        ["paging.resident.limit"] = s.ResidentBudgetBytes,
        ["paging.pool.usage"] = s.PoolBytes,
        ["paging.pool.limit"] = s.PoolBudgetBytes,
        ["paging.pool.stored"] = s.PoolStoredBytes,
        ["paging.pool.logical"] = s.PoolLogicalBytes,
        ["paging.file.usage"] = s.FileBytes,
        ["paging.metadata.usage"] = s.MetadataBytes,
        ["paging.scratch.usage"] = s.ScratchBytes,
        ["paging.file.pages"] = s.FilePages,
        ["paging.same_filled.pages"] = s.SameFilledPages,
        ["paging.incompressible.pages"] = s.IncompressiblePages,
        ["paging.recompressed.pages"] = s.RecompressedPages,
        ["paging.corrupted.pages"] = s.CorruptedPages,
        ["paging.prefetched.pages"] = s.PrefetchedPages,
        ["paging.prefetched.wasted"] = s.PrefetchWasted,
        ["paging.faults/untouched"] = s.Faults - s.FaultsFromPool - s.FaultsFromFile,
        ["paging.faults/pool"] = s.FaultsFromPool,
        ["paging.faults/file"] = s.FaultsFromFile,
        ["paging.evictions/clean"] = s.CleanEvictions,
        ["paging.evictions/stored"] = s.Evictions - s.CleanEvictions,
        ["paging.reclaims.direct"] = s.DirectReclaims,
        ["paging.writebacks"] = s.Writebacks,
        ["paging.io/read"] = s.BytesRead,
        ["paging.io/write"] = s.BytesWritten,
        ["paging.io.errors"] = s.IoErrors,
        ["paging.leases"] = s.Pins,
        ["paging.arrays"] = s.Arrays,
        ["paging.arrays.dropped"] = s.DroppedArrays,
        ["paging.leases.lost"] = s.LostFrames,
    };

    private static string Name(CollectedMeasurement<long> measurement) => (string)measurement.Tags["paging.pager.name"]!;

    private static MeterListener ListenToFaults(Pager pager, Action<double, ReadOnlySpan<KeyValuePair<string, object?>>> note)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "paging.fault.duration" && ReferenceEquals(instrument.Meter.Scope, pager.Options))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) => note(seconds, tags));
        listener.Start();
        return listener;
    }

    private static string Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string key)
    {
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            if (tag.Key == key)
            {
                return (string)tag.Value!;
            }
        }

        return string.Empty;
    }

    private static Dictionary<string, object?> TagsOf(MetricPoint point)
    {
        var tags = new Dictionary<string, object?>();
        foreach (KeyValuePair<string, object?> tag in point.Tags)
        {
            tags.Add(tag.Key, tag.Value);
        }

        return tags;
    }

    private sealed class Factory(Func<MeterOptions, Meter> make) : IMeterFactory
    {
        public Meter Create(MeterOptions options) => make(options);

        public void Dispose()
        {
        }
    }

    /// <summary>All observable instruments of one pager, by name and second tag.</summary>
    private sealed class Seen : IDisposable
    {
        private readonly MeterListener _listener;
        private readonly Dictionary<string, double> _values = [];

        internal Seen(string pager)
        {
            _listener = new MeterListener
            {
                InstrumentPublished = static (instrument, self) =>
                {
                    if (instrument.Meter.Name == "Paging")
                    {
                        Assert.Matches("^paging(\\.[a-z_]+)+$", instrument.Name);
                        Assert.Matches("^(By|s|1|\\{[a-z]+\\})$", instrument.Unit);
                        Assert.NotEmpty(instrument.Description!);
                        self.EnableMeasurementEvents(instrument);
                    }
                },
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
            _listener.Start();

            void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            {
                if (Tag(tags, "paging.pager.name") == pager)
                {
                    Assert.InRange(tags.Length, 1, 2);
                    _values.Add(tags.Length == 1 ? instrument.Name : $"{instrument.Name}/{tags[1].Value}", value);
                }
            }
        }

        public void Dispose() => _listener.Dispose();

        internal Dictionary<string, double> Collect()
        {
            _values.Clear();
            _listener.RecordObservableInstruments();
            return _values;
        }
    }
}

/// <summary>A value, whatever the kind of its metric.</summary>
internal static class MetricPoints
{
    internal static long GetSumOrGauge(this MetricPoint point, MetricType type) =>
        type is MetricType.LongGauge ? point.GetGaugeLastValueLong() : point.GetSumLong();
}
