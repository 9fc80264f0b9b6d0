using Paging.Stress.Driver;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>Swapoff: with threads at work, cancelled, refused, against Dispose, twice, and from devices that fail.</summary>
public sealed class RemovalTests
{
    private const int Pages = 700;

    /// <remarks>As often as one likes: the stress program with --files 2 --removals 1.</remarks>
    [Theory]
    [InlineData(0, false, 20)]
    [InlineData(1, false, 20)]
    [InlineData(2, true, 8)]
    public void Files_come_and_go_under_threads_at_work(int backgroundThreads, bool encrypt, int rounds) => Seeded.Run(seed =>
    {
        using var directory = new TemporaryDirectory();
        using var pager = new Pager(Held.Options(backgroundThreads));
        SwapFileOptions options = Held.File(encrypt: encrypt) with { Path = directory.Path };
        Held[] parts = [.. Enumerable.Range(0, 4).Select(_ => new Held(110, pager))];
        SwapFile file = pager.AddSwapFile(options);
        foreach (Held part in parts)
            part.Fill();
        var rng = new Rng(seed);
        using var stop = new CancellationTokenSource();
        Held.WorkTogether(parts, seed, operations: int.MaxValue, stop: stop.Token, meanwhile: () =>
        {
            try
            {
                for (int round = 0; round < rounds; round++)
                {
                    SwapFile next = pager.AddSwapFile(options with { Priority = rng.Next(2) });
                    Remove(pager, file);
                    Assert.Equal(0, file.UsedBytes);
                    file = next;
                }
            }
            finally
            {
                stop.Cancel();
            }
        });
        directory.AssertEmpty();
        foreach (Held part in parts)
            part.VerifyAll();
        Assert.True(pager.GetStatistics() is { FaultsFromFile: > 0, CorruptedPages: 0, IoErrors: 0 }, pager.GetStatistics().ToString());
        Assert.Equal(file.Bytes, parts[0].Store.Files.Sizes().Bytes);
    });

    [Fact]
    public void What_is_moved_off_a_file_goes_to_the_others()
    {
        using var held = new Held(Pages, backgroundThreads: 0, Held.File(priority: 1));
        SwapFile first = held.AddDevice(new MemoryDevice(Held.FileBytes), priority: 2);
        SwapFile second = held.AddDevice(new MemoryDevice(Held.FileBytes));
        held.Fill();
        Assert.NotEqual(0, first.UsedBytes);
        Assert.Equal(0, second.UsedBytes);
        Remove(held.Pager, first);
        Assert.Equal((0, 0), (first.UsedBytes, second.UsedBytes));
        held.VerifyAll();
        held.Fill().VerifyAll();
        held.AssertWithinBudgets();
        Assert.True(held.Statistics.FilePages > Pages / 3);
    }

    [Fact]
    public void The_last_file_goes_when_the_pool_has_room_for_its_pages()
    {
        using var directory = new TemporaryDirectory();
        using var held = new Held(Pages);
        SwapFile file = held.Pager.AddSwapFile(Held.File() with { Path = directory.In("swap") });
        held.Fill();
        for (long page = 0; page < Pages; page++)
        {
            if (page % 5 != 0)
                held.Discard(page);
        }

        Remove(held.Pager, file);
        PagerStatistics now = held.Statistics;
        Assert.Equal((0, 0), (now.FilePages, now.FileBytes));
        long read = now.FaultsFromFile;
        held.VerifyAll();
        Assert.Equal(read, held.Statistics.FaultsFromFile);
        directory.AssertEmpty();

        // Its name may be used again.
        held.Pager.AddSwapFile(Held.File() with { Path = directory.In("swap") });
        held.Fill().VerifyAll();
    }

    [Fact]
    public void Removal_is_refused_with_the_figures_where_the_pages_do_not_fit()
    {
        using var held = new Held(Pages);
        SwapFile file = held.Pager.AddSwapFile(Held.File());
        held.Fill();
        for (int round = 0; round < 3; round++)
        {
            var exception = Assert.Throws<OutOfPagingSpaceException>(() => Remove(held.Pager, file));
            Assert.Contains($"'{file.Path}'", exception.Message, StringComparison.Ordinal);
            Assert.Contains($"{file.UsedBytes:N0} bytes", exception.Message, StringComparison.Ordinal);
            Assert.Contains($"PoolBytes = {Held.PoolBytes:N0}", exception.Message, StringComparison.Ordinal);
            Assert.InRange(exception.Statistics.FileBytes, 1, file.UsedBytes);
            held.AssertWithinBudgets();
            held.VerifyAll();

            // Still in use.
            Assert.Equal(AreaState.InUse, file.Area.State);
            held.Fill().VerifyAll();
        }

        held.Pager.AddSwapFile(Held.File());
        Remove(held.Pager, file);
        held.VerifyAll();
    }

    [Fact]
    public void What_fits_is_not_refused_because_of_a_removal_that_is()
    {
        using var held = new Held(Pages);
        SwapFile file = held.Pager.AddSwapFile(Held.File());
        held.Fill();
        int refused = 0;
        for (int round = 0; round < 4; round++)
        {
            Task removal = held.Pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken).AsTask();
            while (!removal.IsCompleted)
                refused += held.FillWhereThereIsRoom();
            Assert.IsType<OutOfPagingSpaceException>(removal.Exception?.InnerException);
        }

        Assert.Equal(0, refused);
        held.VerifyAll();
    }

    [Fact]
    public async Task An_access_that_wants_a_frame_does_not_wait_for_a_removal()
    {
        using var held = new Held(Pages);
        var slow = new GatedDevice(new MemoryDevice(Held.FileBytes));
        SwapFile file = held.AddDevice(slow);
        held.Fill();
        held.AddDevice(new MemoryDevice(Held.FileBytes));
        using var isRefused = new ManualResetEventSlim();
        using PagedSequence<long> all = held.Array.ReadSequence(0, Held.Frames * (long)held.Array.PageLength);
        slow.BeforeRead(1, isRefused.Wait);
        Task removal = held.Pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken).AsTask();
        try
        {
            var e = Assert.Throws<OutOfPagingSpaceException>(() => held.Array[(Pages - 1) * (long)held.Array.PageLength]);
            Assert.Contains("pinned by a lease", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            isRefused.Set();
        }

        await removal;
    }

    [Fact]
    public void Removal_that_is_cancelled_half_way_leaves_the_file_in_use() => Seeded.Run(seed =>
    {
        using var held = new Held(Pages);
        var slow = new GatedDevice(new MemoryDevice(Held.FileBytes));
        SwapFile file = held.AddDevice(slow);
        held.Fill();
        held.AddDevice(new MemoryDevice(Held.FileBytes));
        var rng = new Rng(seed);
        for (int round = 0; round < 10; round++)
        {
            using var cancellation = new CancellationTokenSource();
            slow.BeforeRead(1 + rng.Next(20), cancellation.Cancel);
            var exception = Assert.ThrowsAny<OperationCanceledException>(
                () => held.Pager.RemoveSwapFileAsync(file, cancellation.Token).AsTask().GetAwaiter().GetResult());
            Assert.Equal(cancellation.Token, exception.CancellationToken);
            Assert.Equal(AreaState.InUse, file.Area.State);
            Assert.NotEqual(0, file.UsedBytes);
            held.VerifyAll();
            held.Fill();
        }

        using var before = new CancellationTokenSource();
        before.Cancel();
        ValueTask removal = held.Pager.RemoveSwapFileAsync(file, before.Token);
        Assert.True(removal.IsCanceled, "it is the task that says so, as everywhere");
        Assert.Equal(AreaState.InUse, file.Area.State);
        Remove(held.Pager, file);
        held.VerifyAll();
    });

    [Fact]
    public async Task A_file_is_removed_by_one_at_a_time_and_once()
    {
        using var held = new Held(Pages);
        var slow = new GatedDevice(new MemoryDevice(Held.FileBytes));
        SwapFile file = held.AddDevice(slow);
        held.Fill();
        held.AddDevice(new MemoryDevice(Held.FileBytes));
        using var reached = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        slow.BeforeRead(3, () =>
        {
            reached.Set();
            goOn.Wait(CancellationToken.None);
        });
        Task first = RemoveAsync(held.Pager, file);
        reached.Wait(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => RemoveAsync(held.Pager, file));
        goOn.Set();
        await first;
        var exception = await Assert.ThrowsAsync<ArgumentException>(() => RemoveAsync(held.Pager, file));
        Assert.Equal("file", exception.ParamName);
        held.VerifyAll();
    }

    [Fact]
    public async Task Threads_that_remove_the_same_file_together_remove_it_once()
    {
        using var held = new Held(Pages, backgroundThreads: 1, Held.File(), Held.File());
        for (int round = 0; round < 20; round++)
        {
            held.Fill();
            SwapFile file = held.Pager.AddSwapFile(Held.File());
            Task<bool>[] removals = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                try
                {
                    await RemoveAsync(held.Pager, file);
                    return true;
                }
                catch (Exception e) when (e is InvalidOperationException or ArgumentException)
                {
                    return false;
                }
            }))];
            Assert.Single(await Task.WhenAll(removals), removed => removed);
        }

        held.VerifyAll();
    }

    [Fact]
    public async Task Another_pagers_file_is_refused()
    {
        using var held = new Held(Pages, backgroundThreads: 0, Held.File());
        using var other = new Pager(Held.Options());
        SwapFile file = other.AddSwapFile(Held.File());
        var exception = await Assert.ThrowsAsync<ArgumentException>(() => RemoveAsync(held.Pager, file));
        Assert.Equal("file", exception.ParamName);
        await Assert.ThrowsAsync<ArgumentNullException>(() => RemoveAsync(held.Pager, null));
        await RemoveAsync(other, file);
        held.Fill().VerifyAll();
        other.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => RemoveAsync(other, file));
    }

    [Fact]
    public async Task A_pager_may_be_disposed_while_a_file_is_being_removed()
    {
        for (int number = 1; number < 60; number += 6)
        {
            using var held = new Held(Pages);
            var slow = new GatedDevice(new MemoryDevice(Held.FileBytes));
            SwapFile file = held.AddDevice(slow);
            held.Fill();
            held.AddDevice(new MemoryDevice(Held.FileBytes));
            Task? disposal = null;
            slow.BeforeRead(number, () => disposal = Task.Run(held.Pager.Dispose));
            try
            {
                await RemoveAsync(held.Pager, file);
            }
            catch (ObjectDisposedException)
            {
                // Or the removal was faster.
            }

            Assert.NotNull(disposal);
            await disposal;
            Assert.Throws<ObjectDisposedException>(() => held.Pager.GetStatistics());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Pages_that_cannot_be_read_are_lost_and_the_file_goes(int onceIn) => Seeded.Run(seed =>
    {
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed);
        SwapFile file = held.AddDevice(device);
        held.Fill();
        held.AddDevice(new MemoryDevice(2 * Held.FileBytes));
        PagerStatistics before = held.Statistics;
        device.Chances.Add(Fault.InputOutputError, onceIn);
        Remove(held.Pager, file);
        Assert.NotEqual(0, device.Injected);
        long lost = held.VerifyAllButLost();
        PagerStatistics now = held.Statistics;
        Assert.Equal(lost, now.CorruptedPages);
        Assert.InRange(lost, onceIn == 1 ? before.FilePages - 1 : 0, before.FilePages);
        foreach (long page in held.Lost)
        {
            var exception = Assert.Throws<PageCorruptedException>(() => held.Change(page));
            Assert.Contains("removed", exception.Message, StringComparison.Ordinal);
        }

        held.Fill().VerifyAll();
        held.Array.Dispose();
        Settled.Empty(held.Pager);
    });

    [Fact]
    public void Pages_whose_bytes_are_wrong_do_not_keep_a_file_from_being_removed() => Seeded.Run(seed =>
    {
        using var held = new Held(Pages);
        var medium = new MemoryDevice(Held.FileBytes);
        SwapFile file = held.AddDevice(medium);
        held.Fill();
        held.AddDevice(new MemoryDevice(2 * Held.FileBytes));
        var rng = new Rng(seed);
        for (int i = 0; i < 300; i++)
            medium.Medium[rng.Next(1 << 20)] ^= (byte)(1 << rng.Next(8));
        Remove(held.Pager, file);
        int lost = held.VerifyAllButLost(inFile: false);
        Assert.InRange(lost, 20, Pages);
        held.Fill().VerifyAll();
    });

    [Fact]
    public void Nobody_waits_for_the_removal_of_a_file_that_takes_nothing_anyway()
    {
        using var held = new Held(Pages);
        (SwapFile retired, SwapFile healthy) = AddRetired(held);
        SwapFileTable files = held.Store.Files;
        Assert.True(retired.Area.TryBeginRemoval(out AreaState before));
        Assert.False(files.IsAnyBeingRemoved);
        Assert.False(retired.Area.TryBeginRemoval(out _));
        Assert.True(healthy.Area.TryBeginRemoval(out AreaState other));
        Assert.True(files.IsAnyBeingRemoved);
        healthy.Area.AbandonRemoval(other);
        retired.Area.AbandonRemoval(before);
        Assert.Equal((AreaState.Retired, AreaState.InUse), (retired.Area.State, healthy.Area.State));
        Assert.Equal(1, files.CountRetired());
        held.VerifyAll();
    }

    [Fact]
    public void A_retired_file_can_be_removed()
    {
        using var held = new Held(Pages);
        (SwapFile file, _) = AddRetired(held);
        Remove(held.Pager, file);
        held.VerifyAll();
        held.Fill().VerifyAll();
        Assert.Equal(held.Store.Files.UsedBytes, held.Statistics.FileBytes);
    }

    /// <summary>A file that takes no more, since its writes began to fail, and one that takes what it cannot.</summary>
    private static (SwapFile Retired, SwapFile Healthy) AddRetired(Held held)
    {
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile retired = held.AddDevice(device);
        held.Fill();
        device.Always = Fault.TornWrite;
        SwapFile healthy = held.AddDevice(new MemoryDevice(2 * Held.FileBytes), priority: -1);
        while (retired.Area.State == AreaState.InUse)
            held.Fill();
        return (retired, healthy);
    }

    private static void Remove(Pager pager, SwapFile file) => RemoveAsync(pager, file).GetAwaiter().GetResult();

    private static Task RemoveAsync(Pager pager, SwapFile? file) =>
        pager.RemoveSwapFileAsync(file!, TestContext.Current.CancellationToken).AsTask();
}
