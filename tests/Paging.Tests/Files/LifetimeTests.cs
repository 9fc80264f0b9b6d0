using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.Swap.Devices;
using Paging.Tests.Face;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>What swap files hold of the system is given back once, whoever lets go: memory, descriptors, threads, space.</summary>
[Collection(Alone.Name)]
public sealed class LifetimeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Theory]
    [InlineData(0, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    public void A_disposed_pager_leaves_nothing(int backgroundThreads, bool encrypt) => AssertAllReleased(() =>
    {
        for (int i = 0; i < 5; i++)
        {
            // Without waiting for the writes.
            using var held = new Held(400, backgroundThreads, File(encrypt), File(encrypt));
            held.Fill();
            Assert.Equal(2, _directory.OpenFiles());
            if (i % 2 == 0)
                held.Array.Dispose();
        }
    });

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(0, true)]
    public void A_dropped_pager_leaves_nothing(int backgroundThreads, bool encrypt) => AssertAllReleased(() =>
    {
        Thread[] threads = [];
        Run(() =>
        {
            var held = new Held(400, backgroundThreads, File(encrypt));
            held.Fill();
            Assert.Equal(1, _directory.OpenFiles());
            threads = [.. Internals.BackgroundThreads(held.Pager), .. held.Store.Engine.Threads];
        });
        Assert.NotEmpty(threads);
        while (threads.Any(static thread => thread.IsAlive) || _directory.OpenFiles() > 0)
            Figures.Collect();
    });

    [Fact]
    public void A_dropped_pagers_names_are_free_again() => AssertAllReleased(() =>
    {
        SwapFileOptions named = File(encrypt: false) with { Path = _directory.In("swap") };
        Run(() => new Held(400, backgroundThreads: 0, named).Fill());

        // What is being written keeps its pager.
        while (_directory.OpenFiles() > 0)
            Figures.Collect();
        Figures.Collect();
        using var pager = new Pager(Held.Options(0, named));
    });

    [Fact]
    public void A_pager_dropped_with_writes_under_way_waits_for_their_completion() => AssertAllReleased(() =>
    {
        var device = new MemoryDevice(Held.FileBytes) { DelaysCompletion = true };
        Run(() => DropWithWritesUnderWay(device));
        Figures.Collect();
        Assert.NotEqual(0, device.PendingCount);
        Assert.NotEqual(0, Reservation.OutstandingBytes);
        while (device.CompleteOne())
        {
        }
    });

    [Fact]
    public async Task A_pager_disposed_with_writes_under_way_waits_for_them()
    {
        var device = new MemoryDevice(Held.FileBytes, seed: 3) { DelaysCompletion = true };
        var held = new Held(400);
        held.AddDevice(device);
        for (long page = 0; device.PendingCount == 0; page++)
        {
            // Not the write that finds the pool full: it would wait for the device.
            held.Write(page);
            Internals.Domain(held.Pager).Step();
        }

        // The device completes what is pending when it is closed, as the system does.
        await Task.Run(held.Dispose, TestContext.Current.CancellationToken);
        Assert.Equal(0, device.PendingCount);
        Assert.Throws<ObjectDisposedException>(() => held.Pager.GetStatistics());
        held.Dispose();
    }

    [Fact]
    public async Task Removed_files_are_closed_at_once()
    {
        using var held = new Held(400);
        for (int i = 0; i < 20; i++)
        {
            SwapFile file = held.Pager.AddSwapFile(File(encrypt: i % 2 == 1));
            held.Pager.AddSwapFile(File(encrypt: false));
            held.Fill();
            await held.Pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
            Assert.Equal(i + 1, _directory.OpenFiles());
        }

        held.VerifyAll();
    }

    public void Dispose() => _directory.Dispose();

    private static void DropWithWritesUnderWay(MemoryDevice device)
    {
        var held = new Held(400);
        held.AddDevice(device);
        for (long page = 0; device.PendingCount == 0; page++)
        {
            held.Write(page);
            Internals.Domain(held.Pager).Step();
        }
    }

    private SwapFileOptions File(bool encrypt) => Held.File(encrypt: encrypt) with { Path = _directory.Path };

    private void AssertAllReleased(Action action)
    {
        Figures.Collect();
        long before = Reservation.OutstandingBytes;
        Run(action);
        Figures.Collect();
        Assert.Equal(before, Reservation.OutstandingBytes);
        Assert.Equal(0, _directory.OpenFiles());
        _directory.AssertEmpty();
    }

    /// <summary>In a frame of its own, so that nothing stays on the stack.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run(Action action) => action();
}
