using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>What engines keep alive, what they allocate, and which of them is chosen: settings and figures of the whole process.</summary>
[Collection(Alone.Name)]
public sealed unsafe class IoEngineLifetimeTests
{
    private const int Block = SwapDevice.BufferAlignment;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_engine_that_is_dropped_ends_its_threads(string kind)
    {
        IReadOnlyList<Thread> threads = Drop(kind);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromMinutes(1))));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_idle_engine_keeps_no_request_alive(string kind)
    {
        using IoEngine engine = Engines.Create(kind);
        WeakReference[] references = Transfer(engine);
        // The engine's thread may still be leaving the last of them.
        for (int i = 0; i < 1000 && references.Any(reference => reference.IsAlive); i++)
        {
            Thread.Yield();
            GC.Collect();
        }

        Assert.All(references, reference => Assert.False(reference.IsAlive));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Transfers_allocate_nothing_on_the_managed_heap(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using var file = DirectFile.Open(directory.Path, 64 * Block, engine);
        AssertAllocatesNothing(file);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Encrypted_transfers_allocate_nothing_either(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using var device = new EncryptedDevice(DirectFile.Open(directory.Path, 64 * Block, engine));
        AssertAllocatesNothing(device);
    }

    [Fact]
    public void The_engine_is_chosen_as_the_kernel_and_the_switch_allow()
    {
        int error = UringEngine.TryCreate(out UringEngine? uring);
        uring?.Dispose();
        Assert.Equal(error == 0 ? IoEngineKind.Uring : IoEngineKind.Threads, Chosen());
        AppContext.SetSwitch(IoEngine.DisableIoUringSwitch, true);
        try
        {
            Assert.Equal(IoEngineKind.Threads, Chosen());
            if (error == 0)
            {
                using IoEngine forced = IoEngine.Create(IoEngineKind.Uring);
                Assert.Equal(IoEngineKind.Uring, forced.Kind);
            }
        }
        finally
        {
            AppContext.SetSwitch(IoEngine.DisableIoUringSwitch, false);
        }

        static IoEngineKind Chosen()
        {
            using IoEngine engine = IoEngine.Create(IoEngineKind.Auto);
            return engine.Kind;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IReadOnlyList<Thread> Drop(string kind) => Engines.Create(kind).Threads;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference[] Transfer(IoEngine engine)
    {
        using var directory = new TemporaryDirectory();
        using SafeFileHandle file = SwapFileBirth.Create(directory.Path, Block, FileAbilities.All);
        using var memory = new AlignedMemory(Block);
        AwaitedRequest[] requests = [.. Enumerable.Range(0, 100).Select(_ => IoEngineTests.Request(IoOperation.Write, 0, memory.Address, Block))];
        foreach (AwaitedRequest request in requests)
        {
            engine.Submit(file, request);
        }

        foreach (AwaitedRequest request in requests)
        {
            request.Wait();
        }

        return [.. requests.Select(request => new WeakReference(request))];
    }

    private static void AssertAllocatesNothing(SwapDevice device)
    {
        const int Rounds = 500;
        const int Requests = 8;
        using var memory = new AlignedMemory(Requests * Block);
        var requests = new AwaitedRequest[Requests];
        for (int i = 0; i < Requests; i++)
        {
            requests[i] = new AwaitedRequest { Offset = i * device.BlockBytes, Buffer = memory.Address + (i * Block), Length = device.BlockBytes };
        }

        ulong stamp = 0;
        Transfer(20);
        long least = long.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Transfer(Rounds);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        // The test host talks to its runner now and then. The smallest object for each transfer would be more than this.
        Assert.InRange(least, 0, Rounds * Requests * 2 * 16);

        void Transfer(int rounds)
        {
            for (int round = 0; round < rounds; round++)
            {
                for (int pass = 0; pass < 2; pass++)
                {
                    stamp += pass == 0 ? 1UL : 0;
                    for (int i = 0; i < Requests; i++)
                    {
                        requests[i].Operation = pass == 0 ? IoOperation.Write : IoOperation.Read;
                        requests[i].Stamp = stamp;
                        requests[i].Begin();
                        device.Submit(requests[i]);
                    }

                    for (int i = 0; i < Requests; i++)
                    {
                        requests[i].Wait();
                        Assert.True(requests[i].Error == 0);
                    }
                }
            }
        }
    }
}
