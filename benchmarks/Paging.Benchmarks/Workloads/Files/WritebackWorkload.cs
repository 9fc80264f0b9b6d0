using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Segments on their way from the pool into a swap file, against raw O_DIRECT writes of as many bytes each, as many at once.</summary>
/// <remarks>Through the public face the device would wait for LZ4, whose single thread brings a fraction of what an SSD takes: so the pool is
/// filled beforehand, and the timed part does what writeback does and nothing else. Both sides write the same places over and over; in the rows
/// called "first" (for one page size, since making files takes long) ours writes a file that has only been set aside, and so does the
/// limit: file systems do more for that.</remarks>
internal static class WritebackWorkload
{
    private const double LeastShare = 0.85;
    private const long PagesBytes = 8L << 20;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            using var pages = PageSet.Random(pageBytes, PagesBytes, options.Seed);
            Compare(pages, fresh: false, options, harness, report);
            if (pageBytes == options.PageSizes[^1])
            {
                Compare(pages, fresh: true, options, harness, report);
            }
        }
    }

    private static void Compare(PageSet pages, bool fresh, Options options, Harness harness, Report report)
    {
        using PushedSegments ours = new(pages, options.SwapDirectory, encrypt: false, fresh);
        using RawSide threads = new(ours, options, engine: null, fresh);
        SwapPlace.Tell(options.SwapDirectory, ours.Stage, threads.File);
        _ = UringEngine.TryCreate(out UringEngine? engine);
        using RawSide? ring = engine is null ? null : new RawSide(ours, options, engine, fresh);

        Series[] series = harness.Measure(allThreads: true, ring is null ? [ours, threads] : [ours, threads, ring]);

        ours.Verify();
        engine?.Dispose();
        for (int limit = 1; limit < series.Length; limit++)
        {
            report.Add(Row.Throughput(
                "writeback", fresh ? "random, first" : "random", pages.PageBytes, ours.SegmentBytes, series[0], series[limit],
                Bound.AtLeast(LeastShare),
                $"{ours.Segments} segments of {Report.Size(ours.SegmentBytes)}, against {(limit == 1 ? "4 threads" : "io_uring, 4 at once")}"));
        }
    }

    /// <summary>The limit, with a new file for each pass where ours has one.</summary>
    private sealed class RawSide : ISide, IDisposable
    {
        private readonly Func<(RawWrites Writes, ISide Side)> _make;
        private readonly bool _fresh;
        private (RawWrites Writes, ISide Side) _now;

        public RawSide(PushedSegments ours, Options options, IoEngine? engine, bool fresh)
        {
            _fresh = fresh;
            _make = () =>
            {
                RawWrites writes = new(options.SwapDirectory, (int)ours.Segments, ours.SegmentBytes, options.Seed);
                return (writes, engine is null ? writes.Threads() : new RawWrites.Ring(writes, engine));
            };
            _now = _make();
        }

        public RawFile File => _now.Writes.File;

        public void Prepare()
        {
            if (_fresh)
            {
                Dispose();
                _now = _make();
            }
        }

        public Outcome Run() => _now.Side.Run();

        public void Dispose()
        {
            (_now.Side as IDisposable)?.Dispose();
            _now.Writes.Dispose();
        }
    }
}
