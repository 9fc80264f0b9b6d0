using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>Devices that fail at random, by a seed, under several threads.</summary>
public sealed class RandomFaultTests
{
    private const int Threads = 4;
    private const int Pages = 250;
    private const int Operations = 3_000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Writes_that_fail_and_delays_lose_nothing(int backgroundThreads) => Seeded.Run(seed =>
    {
        using var pager = new Pager(Held.Options(backgroundThreads));
        Held[] parts = Parts(pager);
        for (ulong i = 0; i < 3; i++)
        {
            parts[0].AddDevice(
                new FaultyDevice(new MemoryDevice(Held.FileBytes / 2), seed + i)
                {
                    Chances = { [Fault.NoSpace] = 12, [Fault.TornWrite] = 12, [Fault.Delay] = 4 },
                },
                priority: i == 0 ? 1 : 0);
        }

        Held.WorkTogether(parts, seed, Operations);
        foreach (Held part in parts)
            part.VerifyAll();
        parts[0].AssertWithinBudgets();
        PagerStatistics now = pager.GetStatistics();
        Assert.True(now is { IoErrors: > 0, FaultsFromFile: > 0, CorruptedPages: 0 }, now.ToString());
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Whatever_a_device_does_no_page_reads_wrong(int backgroundThreads) => Seeded.Run(seed =>
    {
        using var pager = new Pager(Held.Options(backgroundThreads));
        Held[] parts = Parts(pager);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed);
        foreach (Fault fault in Enum.GetValues<Fault>().Where(fault => fault != Fault.None))
            device.Chances.Add(fault, 60);
        parts[0].AddDevice(device);
        Held.WorkTogether(parts, seed, Operations, mayLose: true);
        int lost = parts.Sum(part => part.VerifyAllButLost(inFile: false));
        Assert.True(device.Injected > 50 && lost < Threads * Pages / 2, $"{device.Injected} faults, {lost} pages lost");

        // Everything can be written anew, but for what the disk has no room for, and be given back.
        foreach (Held part in parts)
        {
            part.FillWhereThereIsRoom();
            part.VerifyAllButLost(inFile: false);
            part.Array.Dispose();
        }

        parts[0].AwaitWrites();
        Settled.Empty(pager, parts[0].Store.Files.Sizes().BadBytes);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Completions_may_come_late_and_in_any_order(int backgroundThreads) => Seeded.Run(seed =>
    {
        using var pager = new Pager(Held.Options(backgroundThreads));
        Held[] parts = Parts(pager);
        var device = new MemoryDevice(Held.FileBytes, seed) { DelaysCompletion = true };
        parts[0].AddDevice(device);
        var rng = new Rng(seed);
        Task work = Task.Run(() => Held.WorkTogether(parts, seed, Operations));
        while (!work.IsCompleted)
        {
            // Mostly once several are under way.
            if (device.PendingCount > 1 || rng.Chance(10))
                device.CompleteOne();
            Thread.Yield();
        }

        work.GetAwaiter().GetResult();
        device.DelaysCompletion = false;
        while (device.CompleteOne())
        {
        }

        foreach (Held part in parts)
            part.VerifyAll();
        Assert.True(pager.GetStatistics() is { FaultsFromFile: > 0, CorruptedPages: 0, IoErrors: 0 });
    });

    private static Held[] Parts(Pager pager) => [.. Enumerable.Range(0, Threads).Select(_ => new Held(Pages, pager))];
}
