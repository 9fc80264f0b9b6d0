using Microsoft.Win32.SafeHandles;
using Paging.Swap.Devices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Long transfers wait for one another, by file system, and nothing else waits for them.</summary>
public sealed unsafe class IoWindowTests
{
    private const int Block = SwapDevice.BufferAlignment;
    private const int MostBytes = 512 << 10;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Fact]
    public void What_may_begin_begins_in_the_order_of_arrival() => Seeded.Run(seed =>
    {
        var dice = new Dice(seed);
        IoWindow?[] windows = [null, new IoWindow(TimeProvider.System), new IoWindow(TimeProvider.System)];
        List<IoRequest> waiting = [];
        List<IoRequest> underWay = [];
        IoQueue queue = default;
        for (int step = 0; step < 2000 || waiting.Count > 0; step++)
        {
            if (step < 2000 && dice.OnceIn(2))
            {
                var request = new IoRequest { Length = Block * (1 + dice.Below(MostBytes / Block)), Window = windows[dice.Below(windows.Length)] };
                request.Begin();
                queue.Add(request);
                waiting.Add(request);
            }

            IoQueue started = default;
            int max = dice.Below(4);
            int count = queue.Start(ref started, max);
            for (int i = 0; i < count; i++)
            {
                IoRequest request = started.Take()!;
                Assert.Same(waiting.First(MayBegin), request);
                waiting.Remove(request);
                underWay.Add(request);
            }

            Assert.Null(started.Take());
            Assert.True(count == max || !waiting.Any(MayBegin));
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
    [InlineData(100, 2000, IoWindow.MinBytes)]
    [InlineData(5000, 1_000_000, IoWindow.MaxBytes)]
    public void More_is_under_way_where_it_brings_more(int latency, int bytesPerMicrosecond, int limit)
    {
        const int Bytes = 256 << 10;
        var time = new Clock();
        var window = new IoWindow(time);
        int trials = 0;
        for (long read = 0; read < 60 * IoWindow.PeriodBytes;)
        {
            int begun = 0;
            while (window.TryEnter(Bytes))
            {
                begun++;
            }

            trials += window.Limit > IoWindow.MinBytes ? 1 : 0;
            time.Ticks += latency + (begun * Bytes / bytesPerMicrosecond);
            for (int i = 0; i < begun; i++)
            {
                window.Exit(Bytes);
            }

            read += begun * (long)Bytes;
        }

        Assert.True(trials > 0);
        Assert.Equal(limit, window.Limit);
    }

    [Fact]
    public void More_than_anybody_wants_is_not_tried_for_long()
    {
        var time = new Clock();
        var window = new IoWindow(time);
        for (long read = 0; read < 20 * IoWindow.PeriodBytes;)
        {
            // Whoever reads has 1.5 MiB to read at once.
            int begun = 0;
            for (int i = 0; i < 6 && window.TryEnter(IoWindow.MinBytes / 4); i++)
            {
                begun++;
            }

            time.Ticks += 5000;
            for (int i = 0; i < begun; i++)
            {
                window.Exit(IoWindow.MinBytes / 4);
            }

            read += begun * (long)(IoWindow.MinBytes / 4);
        }

        Assert.Equal(IoWindow.MinBytes, window.Limit);
    }

    [Fact]
    public void Reads_that_never_wait_do_not_change_the_limit()
    {
        var window = new IoWindow(new Clock { Ticks = 1 });
        for (long read = 0; read < 20 * IoWindow.PeriodBytes; read += IoWindow.MinBytes)
        {
            Assert.True(window.TryEnter(IoWindow.MinBytes));
            window.Exit(IoWindow.MinBytes);
        }

        Assert.Equal(IoWindow.MinBytes, window.Limit);
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

    private sealed class Clock : TimeProvider
    {
        internal long Ticks { get; set; }

        public override long GetTimestamp() => Ticks;
    }
}
