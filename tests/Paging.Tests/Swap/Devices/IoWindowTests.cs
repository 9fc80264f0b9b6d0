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
        IoWindow?[] windows = [null, new IoWindow(), new IoWindow()];
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
            request.Window is null || underWay.Where(other => other.Window == request.Window).Sum(other => other.Length) < IoWindow.MaxBytes;
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
}
