using Microsoft.Win32.SafeHandles;
using Paging.Swap.Devices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Long transfers wait for one another, by file system, and nothing else waits for them.</summary>
public sealed unsafe class LongReadWindowTests
{
    private const int Block = SwapDevice.BufferAlignment;
    private const int MostBytes = 512 << 10;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Fact]
    public void What_may_begin_begins_in_the_order_of_arrival_and_long_reads_in_turn_with_others() => Seeded.Run(seed =>
    {
        var dice = new Dice(seed);
        LongReadWindow?[] windows = [null, new LongReadWindow(TimeProvider.System), new LongReadWindow(TimeProvider.System)];
        List<IoRequest> waiting = [];
        List<IoRequest> underWay = [];
        RequestQueue queue = default;
        bool? wasLong = null;
        for (int step = 0; step < 2000 || waiting.Count > 0; step++)
        {
            if (step < 2000 && dice.OnceIn(2))
            {
                var request = new IoRequest { Length = Block * (1 + dice.Below(MostBytes / Block)), Window = windows[dice.Below(windows.Length)] };
                request.Begin();
                queue.Add(request);
                waiting.Add(request);
            }

            for (int i = dice.Below(4); i > 0; i--)
            {
                Assert.Equal(waiting.Any(MayBegin), queue.MayStart);
                if (queue.Start() is not { } request)
                {
                    Assert.DoesNotContain(waiting, MayBegin);
                    break;
                }

                Assert.True(MayBegin(request));
                Assert.Same(waiting.First(other => other.Window == request.Window), request);

                // No two of a kind in a row where one of the other may begin.
                bool isLong = request.Window is not null;
                Assert.False(isLong == wasLong && waiting.Any(other => other.Window is not null != isLong && MayBegin(other)));
                wasLong = isLong;
                waiting.Remove(request);
                underWay.Add(request);
            }

            Assert.Equal(waiting.Count == 0, queue.IsEmpty);
            if (underWay.Count > 0 && dice.OnceIn(2))
            {
                IoRequest ended = underWay[dice.Below(underWay.Count)];
                underWay.Remove(ended);
                ended.Complete(0);
                Assert.Null(ended.Window);
            }
        }

        bool MayBegin(IoRequest request) =>
            request.Window is null || underWay.Where(other => other.Window == request.Window).Sum(other => other.Length) < request.Window.Limit;
    });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_engine_finishes_long_transfers_that_wait_before_it_ends(string kind)
    {
        const int Requests = 100;
        const int Bytes = 128 << 10;
        using var directory = new TemporaryDirectory();
        using SafeFileHandle file = SwapFileBirth.Create(directory.Path, Requests * Bytes, FileAbilities.All);
        using var memory = new AlignedMemory(Bytes);
        AwaitedRequest[] requests = new AwaitedRequest[Requests];
        IoEngine engine = Engines.Create(kind);
        for (int i = 0; i < Requests; i++)
        {
            requests[i] = IoEngineTests.Request(IoOperation.Write, (long)i * Bytes, memory.Address, Bytes);
            requests[i].Window = engine.WindowOf(file);
            engine.Submit(file, requests[i]);
        }

        engine.Dispose();
        Assert.All(requests, request => Assert.True(request.IsComplete && request.Error == 0));
        Assert.All(engine.Threads, thread => Assert.False(thread.IsAlive));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_waits_begins_when_another_one_ends(string kind)
    {
        const int Requests = 400;
        const int Bytes = 128 << 10;
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using var file = DirectFile.Open(directory.Path, 16 * Bytes, engine);
        using var memory = new AlignedMemory(Bytes);
        AwaitedRequest[] requests = new AwaitedRequest[Requests];
        for (int i = 0; i < Requests; i++)
        {
            requests[i] = IoEngineTests.Request(IoOperation.Read, i % 16 * (long)Bytes, memory.Address, Bytes);
            file.Submit(requests[i]);
            Assert.True(requests[i].Window is not null || requests[i].IsComplete);
        }

        // The engine goes on meanwhile: nothing but the end of a read can begin another one.
        foreach (AwaitedRequest request in requests)
        {
            request.Wait();
            Assert.Equal(0, request.Error);
        }
    }

    /// <summary>A device that works on what it has at once and answers then, as many virtual disks do, and one that answers late, and
    /// whatever it has.</summary>
    [Theory]
    [InlineData(100, 2000, WindowTrial.MinBytes)]
    [InlineData(5000, 1_000_000, WindowTrial.MaxBytes)]
    public void More_is_under_way_where_it_brings_more(int latency, int bytesPerMicrosecond, int limit)
    {
        const int Bytes = 256 << 10;
        var time = new Clock();
        var window = new LongReadWindow(time);
        var reader = new Reader(window, Bytes);
        int trials = 0;
        for (long read = 0; read < 60 * LongReadWindow.PeriodBytes;)
        {
            int begun = reader.Begin(4 * WindowTrial.MaxBytes / Bytes);
            trials += window.Limit > WindowTrial.MinBytes ? 1 : 0;
            time.Ticks += latency + (begun * Bytes / bytesPerMicrosecond);
            reader.End();
            read += begun * (long)Bytes;
        }

        Assert.True(trials > 0);
        Assert.Equal(limit, window.Limit);
    }

    [Fact]
    public void More_than_anybody_wants_is_not_tried_for_long()
    {
        var time = new Clock();
        var window = new LongReadWindow(time);
        var reader = new Reader(window, WindowTrial.MinBytes / 4);
        for (long read = 0; read < 20 * LongReadWindow.PeriodBytes;)
        {
            // Whoever reads has 1.5 MiB to read at once.
            int begun = reader.Begin(6);
            time.Ticks += 5000;
            reader.End();
            read += begun * (long)(WindowTrial.MinBytes / 4);
        }

        Assert.Equal(WindowTrial.MinBytes, window.Limit);
    }

    [Fact]
    public void Reads_that_never_wait_do_not_change_the_limit()
    {
        var window = new LongReadWindow(new Clock { Ticks = 1 });
        var reader = new Reader(window, WindowTrial.MinBytes);
        for (long read = 0; read < 20 * LongReadWindow.PeriodBytes; read += WindowTrial.MinBytes)
        {
            Assert.Equal(1, reader.Begin(1));
            reader.End();
        }

        Assert.Equal(WindowTrial.MinBytes, window.Limit);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Files_of_one_file_system_share_a_window(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using SafeFileHandle one = SwapFileBirth.Create(directory.Path, Block, FileAbilities.All);
        using SafeFileHandle other = SwapFileBirth.Create(directory.Path, Block, FileAbilities.All);
        using SafeFileHandle elsewhere = File.OpenHandle("/proc/self/stat");
        Assert.Same(engine.WindowOf(one), engine.WindowOf(other));
        Assert.NotSame(engine.WindowOf(one), engine.WindowOf(elsewhere));
    }

    /// <summary>Reads of one size: so many wait or are under way at a time, and all that are end together.</summary>
    private sealed class Reader(LongReadWindow window, int bytes)
    {
        private readonly List<IoRequest> _underWay = [];
        private readonly Stack<IoRequest> _idle = [];
        private int _waiting;

        internal int Begin(int wanted)
        {
            for (; _waiting < wanted; _waiting++)
            {
                IoRequest request = _idle.TryPop(out IoRequest? idle) ? idle : new IoRequest { Length = bytes };
                request.Window = window;
                request.Begin();
                window.Add(request);
            }

            while (window.Start() is { } started)
            {
                _underWay.Add(started);
                _waiting--;
            }

            return _underWay.Count;
        }

        internal void End()
        {
            foreach (IoRequest request in _underWay)
            {
                request.Complete(0);
                _idle.Push(request);
            }

            _underWay.Clear();
        }
    }

    private sealed class Clock : TimeProvider
    {
        internal long Ticks { get; set; }

        public override long GetTimestamp() => Ticks;
    }
}
