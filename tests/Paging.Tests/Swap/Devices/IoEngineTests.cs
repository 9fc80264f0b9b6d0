using Microsoft.Win32.SafeHandles;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Engines under load, at their end, and with files that fail.</summary>
public sealed unsafe class IoEngineTests
{
    private const int Block = SwapDevice.BufferAlignment;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Thousands_of_transfers_at_once_bring_what_was_written_last(string kind) => Load(kind, FileAbilities.All);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Thousands_of_transfers_through_the_page_cache_do_too(string kind) => Load(kind, FileAbilities.None);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_device_waits_for_what_is_under_way_before_it_closes(string kind)
    {
        const int Requests = 300;
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        using var memory = new AlignedMemory(Requests * Block);
        AwaitedRequest[] requests = new AwaitedRequest[Requests];
        var file = DirectFile.Open(directory.Path, Requests * Block, engine);
        for (int i = 0; i < Requests; i++)
        {
            requests[i] =
                new AwaitedRequest { Operation = IoOperation.Write, Offset = (long)i * Block, Buffer = memory.Address + (i * Block), Length = Block };
            requests[i].Begin();
            file.Submit(requests[i]);
        }

        file.Dispose();
        Assert.All(requests, request => Assert.True(request.IsComplete && request.Error == 0));
        file.Dispose();

        requests[0].Begin();
        file.Submit(requests[0]);
        Assert.True(requests[0].IsComplete);
        Assert.Equal(Errno.EBADF, requests[0].Error);
        Assert.Equal(Errno.EBADF, file.Read(0, memory.Address, Block, 0));
        Assert.Equal(Errno.EBADF, file.Write(0, memory.Address, Block, 0));
        Assert.Equal(Errno.EBADF, file.Trim(0, Block));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_device_that_closes_under_load_completes_every_transfer(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        for (int round = 0; round < 10; round++)
        {
            var file = DirectFile.Open(directory.Path, 1 << 20, engine);
            using var started = new CountdownEvent(3);
            Parallel(4, thread =>
            {
                if (thread == 3)
                {
                    started.Wait(TestContext.Current.CancellationToken);
                    file.Dispose();
                    return;
                }

                using var memory = new AlignedMemory(Block);
                var request = new AwaitedRequest { Operation = IoOperation.Write, Offset = thread * Block, Buffer = memory.Address, Length = Block };
                bool first = true;
                do
                {
                    request.Begin();
                    file.Submit(request);
                    request.Wait();
                    if (first)
                    {
                        started.Signal();
                        first = false;
                    }
                }
                while (request.Error == 0);
                Assert.Equal(Errno.EBADF, request.Error);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_engine_finishes_what_is_queued_before_it_ends(string kind)
    {
        const int Requests = 500;
        using var directory = new TemporaryDirectory();
        using SafeFileHandle file = SwapFileBirth.Create(directory.Path, Requests * Block, FileAbilities.All);
        using var memory = new AlignedMemory(Requests * Block);
        AwaitedRequest[] requests = new AwaitedRequest[Requests];
        IoEngine engine = Engines.Create(kind);
        for (int i = 0; i < Requests; i++)
        {
            requests[i] = Request(IoOperation.Write, (long)i * Block, memory.Address + (i * Block), Block);
            engine.Submit(file, requests[i]);
        }

        IReadOnlyList<Thread> threads = engine.Threads;
        engine.Dispose();
        Assert.All(requests, request => Assert.True(request.IsComplete && request.Error == 0));
        Assert.All(threads, thread => Assert.False(thread.IsAlive));
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Submit(file, Request(IoOperation.Read, 0, memory.Address, Block)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_end_of_the_file_and_a_refused_write_are_errors_of_their_request_alone(string kind)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.In("short");
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)3, Block + 100)]);
        using IoEngine engine = Engines.Create(kind);
        using SafeFileHandle file = File.OpenHandle(path);
        using var memory = new AlignedMemory(4 * Block);

        // Two blocks and not all of the second is there; none of the fourth; and the file is open for reading only.
        (AwaitedRequest Request, int Error)[] all =
        [
            (Request(IoOperation.Read, 0, memory.Address, 2 * Block), Errno.EIO),
            (Request(IoOperation.Read, 4 * Block, memory.Address + (2 * Block), Block), Errno.EIO),
            (Request(IoOperation.Write, 0, memory.Address + (2 * Block), Block), Errno.EBADF),
            (Request(IoOperation.Read, 0, memory.Address + (3 * Block), Block), 0),
        ];
        foreach ((AwaitedRequest request, _) in all)
        {
            engine.Submit(file, request);
        }

        foreach ((AwaitedRequest request, int error) in all)
        {
            request.Wait();
            Assert.Equal(error, request.Error);
        }

        Assert.False(memory.Span[(3 * Block)..].ContainsAnyExcept((byte)3));
        Assert.False(memory.Span[..Block].ContainsAnyExcept((byte)3));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Engines_come_and_go(string kind)
    {
        using var directory = new TemporaryDirectory();
        using var memory = new AlignedMemory(Block);
        for (int i = 0; i < 30; i++)
        {
            using IoEngine engine = Engines.Create(kind);
            if (i % 2 == 0)
            {
                using var file = DirectFile.Open(directory.Path, Block, engine);
                AwaitedRequest request = Request(IoOperation.Write, 0, memory.Address, Block);
                file.Submit(request);
                request.Wait();
                Assert.Equal(0, request.Error);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Long_transfers_which_wait_for_one_another_do_too(string kind) =>
        Load(kind, FileAbilities.All, mostBlocks: 2 * LongReadWindow.ShortBytes / Block, rounds: 30);

    private static void Load(string kind, FileAbilities abilities, int mostBlocks = 8, int rounds = 150)
    {
        const int Threads = 4;
        const int Blocks = 256;
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        Seeded.Run(seed =>
        {
            using var file = DirectFile.Open(directory.Path, (long)Threads * Blocks * Block, engine, abilities);
            Parallel(Threads, thread =>
            {
                var dice = new Dice(seed ^ Dice.Mix((ulong)thread + 1));
                using var pool = new TransferPool(file, firstBlock: (long)thread * Blocks, Blocks, depth: 32, mostBlocks);
                for (int i = 0; i < rounds; i++)
                {
                    pool.Round(dice);
                }
            });
        });
        directory.AssertEmpty();
    }

    internal static AwaitedRequest Request(IoOperation operation, long offset, byte* buffer, int length)
    {
        var request = new AwaitedRequest
        {
            Operation = operation,
            Offset = offset,
            Buffer = buffer,
            Length = length,
            Progress = new TransferProgress(length),
        };
        request.Begin();
        return request;
    }

    /// <summary>Runs an action on threads of their own, and fails with the first failure.</summary>
    internal static void Parallel(int count, Action<int> action)
    {
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() =>
        {
            try
            {
                action(number);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, exception, null);
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (failure is not null)
        {
            throw new InvalidOperationException("A thread of the test failed.", failure);
        }
    }
}
