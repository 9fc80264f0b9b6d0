using System.Runtime.CompilerServices;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Submitted writes of an encrypted device, which threads of its own encrypt: settings and figures of the whole process.</summary>
[Collection(Alone.Name)]
public sealed unsafe class CipherCrewTests
{
    private const int Stored = SwapDevice.BufferAlignment;
    private const int Payload = BlockCipher.PayloadBytes;

    // More than a small scratch buffer takes, and as much as a large one.
    private const int Blocks = 40;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Many_segments_written_at_once_arrive_whole(string kind)
    {
        const int Threads = 4;
        const int Each = 12;
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using var file = DirectFile.Open(directory.Path, (long)Threads * Each * (Blocks + 1) * Stored, engine);
        using var device = new EncryptedDevice(file, Blocks * Payload);
        IoEngineTests.Parallel(Threads, thread =>
        {
            using var memory = new AlignedMemory(Each * (Blocks + 1) * Stored);
            using var read = new AlignedMemory((Blocks + 1) * Stored);
            var requests = new AwaitedRequest[Each];
            for (int round = 0; round < 10; round++)
            {
                new Random(thread + round).NextBytes(memory.Span);
                for (int i = 0; i < Each; i++)
                {
                    // The first is of one byte, and the last too large for one piece.
                    int number = (thread * Each) + i;
                    int length = i == 0 ? 1 : i == Each - 1 ? (Blocks + 1) * Payload : i * Blocks / Each * Payload;
                    requests[i] = IoEngineTests.Request(
                        IoOperation.Write, (long)number * (Blocks + 1) * Payload, memory.Address + (i * (Blocks + 1) * Stored), length);
                    requests[i].Stamp = (ulong)((round * Threads * Each) + number + 1);
                    device.Submit(requests[i]);
                }

                foreach (AwaitedRequest request in requests)
                {
                    request.Wait();
                    Assert.Equal(0, request.Error);
                    int blocks = (request.Length + Payload - 1) / Payload;
                    Assert.Equal(0, device.Read(request.Offset, read.Address, blocks * Payload, request.Stamp));
                    Assert.True(new Span<byte>(request.Buffer, request.Length).SequenceEqual(read.Span[..request.Length]));
                }
            }
        });
        Assert.InRange(device.Threads.Count, 1, CipherCrew.MaxThreads);
    }

    [Fact]
    public void Submitters_do_not_wait_for_scratch_and_the_end_waits_for_what_is_queued()
    {
        const int Count = 24;
        var medium = new MemoryDevice((long)Count * Blocks * Stored) { DelaysCompletion = true };
        var device = new EncryptedDevice(medium, Blocks * Payload);
        using var memory = new AlignedMemory(Blocks * Stored);
        AwaitedRequest[] requests = [.. Enumerable.Range(0, Count).Select(i => Submit(device, i, memory.Address))];

        // Four have scratch buffers and wait for the disk; the rest is queued.
        Assert.True(SpinWait.SpinUntil(() => medium.PendingCount == 4, TimeSpan.FromMinutes(1)));
        IReadOnlyList<Thread> threads = device.Threads;
        bool drained = false;
        var end = new Thread(() =>
        {
            device.Dispose();
            drained = requests.All(request => request.IsComplete && request.Error == 0);
        });
        end.Start();
        Assert.False(end.Join(50));
        while (!end.Join(0))
        {
            _ = medium.CompleteOne();
        }

        Assert.True(drained);
        Assert.Equal(Count, medium.Writes);
        Assert.All(threads, thread => Assert.True(thread.Join(0)));
        AwaitedRequest late = Submit(device, 0, memory.Address);
        Assert.Equal((true, Errno.EBADF), (late.IsComplete, late.Error));
    }

    [Fact]
    public void Threads_start_with_the_device()
    {
        using var device = new EncryptedDevice(new MemoryDevice(Blocks * Stored));
        using var memory = new AlignedMemory(Blocks * Stored);
        int all = Math.Min(CipherCrew.MaxThreads, Environment.ProcessorCount);
        Assert.Equal(all, device.Threads.Count);
        Assert.Equal(0, device.Write(0, memory.Address, Payload, 1));
        AwaitedRequest read = IoEngineTests.Request(IoOperation.Read, 0, memory.Address, Payload);
        read.Stamp = 1;
        device.Submit(read);
        read.Wait();
        Assert.Equal((0, all), (read.Error, device.Threads.Count));
        AwaitedRequest write = Submit(device, 0, memory.Address);
        write.Wait();
        Assert.Equal((0, all), (write.Error, device.Threads.Count));
    }

    [Fact]
    public void A_device_that_is_dropped_finishes_what_is_queued_and_ends_its_threads()
    {
        const int Count = 24;
        using var memory = new AlignedMemory(Blocks * Stored);
        var medium = new MemoryDevice((long)Count * Blocks * Stored) { DelaysCompletion = true };
        (IReadOnlyList<Thread> threads, AwaitedRequest[] requests) = Drop(medium, Count, memory);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        while (medium.Writes < Count)
        {
            _ = medium.CompleteOne();
        }

        Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromMinutes(1))));
        medium.Dispose();
        Assert.All(requests, request => Assert.True(request.IsComplete && request.Error == 0));
    }

    [Fact]
    public void An_idle_crew_keeps_no_request_alive()
    {
        using var memory = new AlignedMemory(Blocks * Stored);
        using var device = new EncryptedDevice(new MemoryDevice(100L * Blocks * Stored));
        WeakReference[] references = Transfer(device, memory);
        // A thread of the crew may still be leaving the last of them.
        for (int i = 0; i < 1000 && references.Any(reference => reference.IsAlive); i++)
        {
            Thread.Yield();
            GC.Collect();
        }

        Assert.All(references, reference => Assert.False(reference.IsAlive));
    }

    private static AwaitedRequest Submit(EncryptedDevice device, int number, byte* buffer)
    {
        AwaitedRequest request = IoEngineTests.Request(IoOperation.Write, (long)number * Blocks * Payload, buffer, Blocks * Payload);
        request.Stamp = (ulong)number + 100;
        device.Submit(request);
        return request;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (IReadOnlyList<Thread> Threads, AwaitedRequest[] Requests) Drop(MemoryDevice medium, int count, AlignedMemory memory)
    {
        var device = new EncryptedDevice(medium, Blocks * Payload);
        AwaitedRequest[] requests = [.. Enumerable.Range(0, count).Select(i => Submit(device, i, memory.Address))];
        return (device.Threads, requests);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference[] Transfer(EncryptedDevice device, AlignedMemory memory)
    {
        AwaitedRequest[] requests = [.. Enumerable.Range(0, 100).Select(i => Submit(device, i, memory.Address))];
        foreach (AwaitedRequest request in requests)
        {
            request.Wait();
        }

        return [.. requests.Select(request => new WeakReference(request))];
    }
}
