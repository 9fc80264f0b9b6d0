#if DEBUG
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;
using Paging.TestSeam;

namespace Paging.Tests.Swap.Devices;

/// <summary>Waiting for transfers and for buffers, with threads that a seed interleaves.</summary>
[Collection(Alone.Name)]
public sealed unsafe class InterleavedDeviceTests
{
    private const int Block = SwapDevice.BufferAlignment;

    [Fact]
    public void Whoever_waits_for_a_transfer_sees_it_complete() => Exploration.AssertHolds(
        new Scenario("Two wait for a read that a third thread completes", static run =>
        {
            using var device = new MemoryDevice(4 * Block, run.Seed) { DelaysCompletion = true };
            using var memory = new AlignedMemory(Block);
            device.Medium.Fill(9);
            var request = new AwaitedRequest { Operation = IoOperation.Read, Buffer = memory.Address, Length = Block };
            request.Begin();
            byte* buffer = memory.Address;
            run.Together(
                () => Wait(request, buffer),
                () => Wait(request, buffer),
                () =>
                {
                    device.Submit(request);
                    run.Step();
                    Assert.True(device.CompleteOne());
                });
            Assert.False(device.CompleteOne());
        }),
        seeds: 100);

    [Fact]
    public void Buffers_go_round_whatever_the_order() => Exploration.AssertHolds(
        new Scenario("Three threads share two buffers", static run =>
        {
            using var buffers = new BounceBuffers(2, Block);
            run.Together(Body, Body, Body);
            Assert.InRange(buffers.TotalBytes, Block, 2 * Block);

            void Body()
            {
                for (int i = 0; i < 3; i++)
                {
                    byte* buffer = buffers.Rent();
                    byte mark = (byte)(16 + TestHook.Interleaver!.Thread);
                    *buffer = mark;
                    run.Step();
                    Assert.Equal(mark, *buffer);
                    buffers.Return(buffer);
                }
            }
        }),
        seeds: 100);

    [Fact]
    public void Encrypted_transfers_share_scratch_buffers_and_a_device_that_reorders() => Exploration.AssertHolds(
        new Scenario("Two threads write and read, a third completes", static run =>
        {
            const int Blocks = 8;
            var medium = new MemoryDevice(2 * Blocks * Block, run.Seed) { DelaysCompletion = true };
            using var device = new EncryptedDevice(medium);
            int done = 0;
            run.Together(() => Body(0), () => Body(1), () =>
            {
                while (Volatile.Read(ref done) < 2)
                {
                    if (!medium.CompleteOne())
                    {
                        TestHook.Interleaver!.Yield();
                    }
                }
            });

            void Body(int half)
            {
                using var memory = new AlignedMemory(Blocks * Block);
                AwaitedRequest[] requests = [.. Enumerable.Range(0, Blocks / 2).Select(_ => new AwaitedRequest())];
                for (int pass = 0; pass < 2; pass++)
                {
                    for (int i = 0; i < requests.Length; i++)
                    {
                        AwaitedRequest request = requests[i];
                        request.Operation = pass == 0 ? IoOperation.Write : IoOperation.Read;
                        request.Offset = ((half * Blocks) + (2 * i)) * device.BlockBytes;
                        request.Buffer = memory.Address + (i * 2 * Block);
                        request.Length = 2 * device.BlockBytes;
                        request.Stamp = (ulong)((half * Blocks) + i + 1);
                        new Span<byte>(request.Buffer, request.Length).Fill((byte)(pass == 0 ? request.Stamp : 0));
                        request.Begin();
                        device.Submit(request);
                    }

                    foreach (AwaitedRequest request in requests)
                    {
                        request.Wait();
                        Assert.Equal(0, request.Error);
                        Assert.False(new Span<byte>(request.Buffer, request.Length).ContainsAnyExcept((byte)request.Stamp));
                    }
                }

                Interlocked.Increment(ref done);
            }
        }),
        seeds: 30);

    [Fact]
    public void Closing_a_device_waits_for_what_is_under_way() => Exploration.AssertHolds(
        new Scenario("Transfers race with the end of their device", static run =>
        {
            var count = new TransferCount();
            int inside = 0;
            run.Together(Transfer, Transfer, () =>
            {
                Assert.True(count.Close());
                Assert.Equal(0, inside);
                Assert.False(count.TryEnter());
            });
            Assert.False(count.Close());

            void Transfer()
            {
                for (int i = 0; i < 3 && count.TryEnter(); i++)
                {
                    inside++;
                    run.Step();
                    inside--;
                    count.Exit();
                }
            }
        }),
        seeds: 100);

    private static void Wait(AwaitedRequest request, byte* buffer)
    {
        request.Wait();
        Assert.Equal(0, request.Error);
        Assert.Equal(9, *buffer);
    }
}
#endif
