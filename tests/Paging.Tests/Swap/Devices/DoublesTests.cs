using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Who trusts a faulty device has seen it fail: each fault does what it says, and the same again for the same seed.</summary>
public sealed unsafe class DoublesTests
{
    private const int Block = SwapDevice.BufferAlignment;
    private const int Blocks = 16;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_keeps_what_is_written_whenever_it_completes(bool delays) => Seeded.Run(seed =>
    {
        using var device = new MemoryDevice(256 * Block, seed) { DelaysCompletion = delays };
        bool stop = false;
        IoEngineTests.Parallel(2, thread =>
        {
            if (thread == 0)
            {
                while (device.CompleteOne() || !Volatile.Read(ref stop))
                {
                }

                return;
            }

            try
            {
                using var pool = new TransferPool(device, 0, 256, depth: 16);
                var dice = new Dice(seed + 1);
                for (int i = 0; i < 100; i++)
                {
                    pool.Round(dice);
                }
            }
            finally
            {
                Volatile.Write(ref stop, true);
            }
        });
    });

    [Fact]
    public void Requests_that_are_held_back_complete_in_an_order_of_the_seed()
    {
        Assert.Equal(Order(1), Order(1));
        Assert.NotEqual(Order(1), Order(2));

        static List<int> Order(ulong seed)
        {
            using var device = new MemoryDevice(Blocks * Block, seed) { DelaysCompletion = true };
            using var memory = new AlignedMemory(Blocks * Block);
            var requests = new List<AwaitedRequest>();
            for (int i = 0; i < Blocks; i++)
            {
                requests.Add(IoEngineTests.Request(IoOperation.Write, i * Block, memory.Address + (i * Block), Block));
                device.Submit(requests[i]);
            }

            Assert.Equal(Blocks, device.PendingCount);
            var order = new List<int>();
            while (device.CompleteOne())
            {
                order.AddRange(Enumerable.Range(0, Blocks).Where(i => requests[i].IsComplete && !order.Contains(i)));
            }

            return order;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_fault_does_what_it_says(bool submits)
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            Assert.Equal((Errno.EIO, 0), Write(Fault.InputOutputError, seed, submits));
            Assert.Equal((Errno.ENOSPC, 0), Write(Fault.NoSpace, seed, submits));
            Assert.Equal((0, 4), Write(Fault.None, seed, submits));
            Assert.Equal((0, 4), Write(Fault.Delay, seed, submits));

            // Read faults do nothing to a write.
            Assert.Equal((0, 4), Write(Fault.FlippedBit, seed, submits));
            (int error, int blocks) = Write(Fault.TornWrite, seed, submits);
            Assert.Equal(Errno.EIO, error);
            Assert.InRange(blocks, 0, 3);
            (error, blocks) = Write(Fault.SilentlyTornWrite, seed, submits);
            Assert.Equal(0, error);
            Assert.InRange(blocks, 0, 3);
            (error, blocks) = Write(Fault.MisdirectedWrite, seed, submits);
            Assert.Equal(0, error);
            Assert.InRange(blocks, 0, 3);

            Assert.Equal(Errno.EIO, Read(Fault.InputOutputError, seed, submits, out _));
            Assert.Equal(0, Read(Fault.None, seed, submits, out int wrong));
            Assert.Equal(0, wrong);
            Assert.Equal(0, Read(Fault.Delay, seed, submits, out wrong));
            Assert.Equal(0, wrong);
            Assert.Equal(0, Read(Fault.FlippedBit, seed, submits, out wrong));
            Assert.Equal(1, wrong);
            Assert.Equal(0, Read(Fault.MisdirectedRead, seed, submits, out wrong));
            Assert.InRange(wrong, 2 * Block, 4 * Block);
        }
    }

    [Fact]
    public void Faults_by_chance_are_the_same_for_the_same_seed()
    {
        Assert.Equal(Errors(3), Errors(3));
        Assert.NotEqual(Errors(3), Errors(4));
        Assert.InRange(Errors(3).Count(error => error != 0), 30, 170);

        static List<int> Errors(ulong seed)
        {
            using var device = new FaultyDevice(new MemoryDevice(Blocks * Block), seed);
            device.Chances[Fault.InputOutputError] = 5;
            device.Chances[Fault.NoSpace] = 7;
            using var memory = new AlignedMemory(Block);
            return [.. Enumerable.Range(0, 400).Select(i => device.Write(i % Blocks * Block, memory.Address, Block, 0))];
        }
    }

    private static (int Error, int Blocks) Write(Fault fault, ulong seed, bool submits)
    {
        var medium = new MemoryDevice(Blocks * Block);
        using var device = new FaultyDevice(medium, seed);
        device.Plan[0] = fault;
        using var memory = new AlignedMemory(4 * Block);
        memory.Span.Fill(1);
        int error = Run(device, IoOperation.Write, memory.Address, submits);
        bool fits = fault is not (Fault.None or Fault.FlippedBit);
        Assert.Equal((1, fits ? 1 : 0), (device.Operations, device.Injected));
        int blocks = 0;
        while (blocks < 4 && medium.Medium[(4 + blocks) * Block] == 1)
        {
            blocks++;
        }

        // Outside of the range that was meant, only a misdirected write leaves anything.
        int outside = medium.Medium[..(4 * Block)].Count((byte)1) + medium.Medium[(8 * Block)..].Count((byte)1);
        Assert.Equal(fault == Fault.MisdirectedWrite, outside != 0);
        return (error, fault == Fault.MisdirectedWrite ? 0 : blocks);
    }

    private static int Read(Fault fault, ulong seed, bool submits, out int wrong)
    {
        var medium = new MemoryDevice(Blocks * Block);
        for (int i = 0; i < Blocks; i++)
        {
            medium.Medium.Slice(i * Block, Block).Fill((byte)(i + 1));
        }

        using var device = new FaultyDevice(medium, seed);
        device.Plan[0] = fault;
        using var memory = new AlignedMemory(4 * Block);
        int error = Run(device, IoOperation.Read, memory.Address, submits);
        wrong = 0;
        for (int i = 0; i < 4 * Block; i++)
        {
            wrong += memory.Span[i] == (i / Block) + 5 ? 0 : 1;
        }

        return error;
    }

    private static int Run(SwapDevice device, IoOperation operation, byte* buffer, bool submits)
    {
        if (!submits)
        {
            return operation == IoOperation.Read
                ? device.Read(4 * Block, buffer, 4 * Block, 0)
                : device.Write(4 * Block, buffer, 4 * Block, 0);
        }

        AwaitedRequest request = IoEngineTests.Request(operation, 4 * Block, buffer, 4 * Block);
        device.Submit(request);
        request.Wait();
        return request.Error;
    }
}
