using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Benchmarks.Workloads;

/// <summary>Faults from the file by sixteen threads at once, against raw O_DIRECT reads of the same blocks, as many at once: by sixteen
/// threads, and through io_uring. The limits neither decode nor check anything; a last row, without a bound, has the threads decode.</summary>
internal static class FileDepthWorkload
{
    private const int Depth = 16;
    private const int MostAPass = 256;
    private const double LeastShare = 0.8;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes);
                if (pages is not null)
                {
                    Compare(group.Name, pages, options, harness, report);
                }
            }
        }
    }

    private static void Compare(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        using FiledPages filed = new(pages, options);
        using RawPages raw = new(pages, options, filed.Stage.File.Bytes);
        SwapPlace.Tell(options.SwapDirectory, filed.Stage, raw.File);
        int[] order = [.. filed.Filed];
        new Random(options.Seed).Shuffle(order);
        int window = Windows.LengthFor(order.Length, MostAPass, Depth);
        _ = UringEngine.TryCreate(out UringEngine? engine);

        using FaultingCrew ours = new(filed, new Windows(order, window));
        using ReadingCrew threads = new(raw, new Windows(order, window), decode: false);
        using ReadingCrew decoding = new(raw, new Windows(order, window), decode: true);
        using ReadingRing? ring = engine is null ? null : new ReadingRing(raw, new Windows(order, window), engine);
        Series[] series =
            Windows.Harness(harness).Measure(allThreads: true, ring is null ? [ours, threads, decoding] : [ours, threads, decoding, ring]);

        ours.Check();
        filed.Verify(pages);
        engine?.Dispose();
        double bytes = Enumerable.Range(0, pages.Count).Average(i => (double)raw.RangeOf(i).Length);
        Add(1, Bound.AtLeast(LeastShare), "against 16 threads");
        if (ring is not null)
        {
            Add(3, Bound.AtLeast(LeastShare), "against io_uring, 16 at once");
        }

        Add(2, Bound.None, "against 16 threads that decode");

        void Add(int limit, Bound bound, string note) => report.Add(Row.Throughput(
            "filedepth", name, pages.PageBytes, bytes, series[0], series[limit], bound,
            $"{note}, {ours.Note}, {series[0].Median / 1000:0.0} and {series[limit].Median / 1000:0.0} µs a page"));
    }

    /// <summary>A window of pages, shared out among the threads of a crew.</summary>
    private abstract class WindowCrew : ISide, IDisposable
    {
        private readonly Windows _windows;
        private readonly CrewSide _crew;
        private int[] _order = [];

        protected WindowCrew(Windows windows)
        {
            _windows = windows;
            _crew = new CrewSide([.. Enumerable.Range(0, Depth).Select(i => new Member(this, i))]);
        }

        public virtual Outcome Run()
        {
            Outcome outcome = _crew.Run();
            return outcome;
        }

        /// <summary>The next window; not timed.</summary>
        public void Prepare() => _order = _windows.Take().ToArray();

        public virtual void Dispose() => _crew.Dispose();

        protected abstract long Read(int thread, ReadOnlySpan<int> order);

        private sealed class Member(WindowCrew crew, int number) : ISide
        {
            public Outcome Run()
            {
                int share = crew._order.Length / Depth;
                return new Outcome(share, crew.Read(number, crew._order.AsSpan(number * share, share)));
            }
        }
    }

    private sealed class FaultingCrew(FiledPages pages, Windows windows) : WindowCrew(windows)
    {
        private long _accesses;
        private long _faults;

        public void Check() => FiledPages.CheckFiled(_faults, _accesses);

        public string Note => $"from the file {100.0 * _faults / _accesses:0.0}%";

        public override Outcome Run()
        {
            long before = pages.Statistics.FaultsFromFile;
            Outcome outcome = base.Run();
            long faults = pages.Statistics.FaultsFromFile - before;
            _accesses += outcome.Operations;
            _faults += faults;
            return new Outcome(faults, 0); // the limits read bytes, and sum nothing; Verify follows
        }

        protected override long Read(int thread, ReadOnlySpan<int> order) => pages.Read(order);
    }

    private sealed unsafe class ReadingCrew : WindowCrew
    {
        private readonly RawPages _pages;
        private readonly bool _decode;
        private readonly NativeBuffer _buffers;
        private readonly Ring[] _frames;

        public ReadingCrew(RawPages pages, Windows windows, bool decode)
            : base(windows)
        {
            _pages = pages;
            _decode = decode;
            _buffers = new NativeBuffer((long)Depth * pages.BufferBytes);
            _frames = [.. Enumerable.Range(0, Depth).Select(i => pages.Frames(i, Depth))];
        }

        public override Outcome Run() => base.Run() with { Sum = 0 };

        public override void Dispose()
        {
            base.Dispose();
            _buffers.Dispose();
        }

        protected override long Read(int thread, ReadOnlySpan<int> order) =>
            _pages.Read(order, _buffers.Pointer + ((long)thread * _pages.BufferBytes), _decode, ref _frames[thread]);
    }

    private sealed unsafe class ReadingRing(RawPages pages, Windows windows, UringEngine engine) : ISide, IDisposable
    {
        private readonly AwaitedRequest[] _requests = [.. Enumerable.Range(0, Depth).Select(_ => new AwaitedRequest())];
        private readonly NativeBuffer _buffers = new((long)Depth * pages.BufferBytes);

        public Outcome Run()
        {
            ReadOnlySpan<int> order = windows.Take();
            for (int i = 0; i < order.Length; i++)
            {
                AwaitedRequest request = _requests[i % Depth];
                Await(request);
                BlockRange range = pages.RangeOf(order[i]);
                request.Operation = IoOperation.Read;
                request.Offset = range.Offset;
                request.Buffer = _buffers.Pointer + ((long)(i % Depth) * pages.BufferBytes);
                request.Length = range.Length;
                request.Begin();
                request.Progress = new TransferProgress(request.Length);
                engine.Submit(pages.File.Handle, request);
            }

            Array.ForEach(_requests, Await);
            return new Outcome(order.Length, 0);
        }

        public void Dispose() => _buffers.Dispose();

        private static void Await(AwaitedRequest request)
        {
            request.Wait();
            if (request.Error != 0)
            {
                throw new IOException($"A raw read failed with error {request.Error}.");
            }
        }
    }
}
