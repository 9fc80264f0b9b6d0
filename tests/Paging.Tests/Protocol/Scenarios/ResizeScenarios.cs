#if DEBUG
using Paging.Memory;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Budgets that move under faults, evictions, stores, prefetches, leases and Dispose. The audit behind each compares what is committed
/// with the budgets.</summary>
internal static class ResizeScenarios
{
    private const int Frames = 8;

    private static readonly long s_pool = 3 * World.SmallestPool;

    /// <summary>A system that has nothing left.</summary>
    private static readonly MemoryReading s_none = new(0, 64 << 20, 0);

    internal static readonly Scenario FramesUnderFaults = new("frames go and come back while pages are read, written and evicted", static run =>
    {
        var world = new World(run, Frames);
        Book book = Stored(world, 10);
        run.Together(
            () => PressureScenarios.Wander(run, book, slot: 0, 5),
            () => PressureScenarios.Wander(run, book, slot: 1, 5),
            () =>
            {
                Resize(world, 5, World.SmallestPool);
                Resize(world, Frames, World.SmallestPool);
                Resize(world, 6, World.SmallestPool);
            },
            () => Repeat(3, () => world.Domain.Step()));
        world.CheckAndClose();
    });

    internal static readonly Scenario PoolUnderStores = new("the pool shrinks and grows while pages are stored and freed", static run =>
    {
        var world = new World(run, Frames, s_pool);
        Book book = Stored(world, 16);
        run.Together(
            () => PressureScenarios.Wander(run, book, slot: 0, 5),
            () => Repeat(3, () =>
            {
                if (world.TryPut(run.Dice.Below(20), 3000, out SwapId id))
                    world.Free(id);
                world.EvictAll();
            }),
            () =>
            {
                Resize(world, Frames, s_pool / 2);
                Resize(world, Frames, s_pool);
                Resize(world, Frames, World.SmallestPool);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario BothUnderPrefetch = new(
        "both budgets move under a prefetch, two threads that serve it, and writes", static run =>
    {
        var world = new World(run, Frames, s_pool);
        Book book = Stored(world, 12);
        Pending? task = null;
        run.Together(
            () => task = new Pending(book.Array.PrefetchAsync(0, book.Array.Length / 2)),
            () => Repeat(5, () => world.Domain.Step()),
            () => PressureScenarios.Wander(run, book, slot: 0, 4),
            () =>
            {
                Resize(world, 4, s_pool / 2);
                Resize(world, Frames, s_pool);
            });
        while (!task!.IsCompleted)
            world.Domain.Step();
        world.CheckAndClose();
    });

    internal static readonly Scenario IntoAFile = new("a pool that shrinks writes its segments to a file, under reads and writes", static run =>
    {
        var world = new World(run, Frames, s_pool);
        world.AddFile(64 * 12 * 4096, delays: false);
        Book book = world.Allocate(30);
        for (int page = 0; page < 26; page++)
            book.Store(page, Contents.Noise(page + 1));
        run.Together(
            () => PressureScenarios.Wander(run, book, slot: 0, 4),
            () => Repeat(3, () => book.Get(run.Dice.Below(26), 3)),
            () =>
            {
                Resize(world, 5, World.SmallestPool);
                Resize(world, Frames, s_pool);
            });
        world.AwaitWrites();
        Assert.True(world.Domain.GetStatistics().Writebacks > 0);
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoSizes = new("each page size gives its share when frames go, and gets frames again", static run =>
    {
        var world = new World(run, frames: 16, poolBytes: 256 << 10);
        Book small = Stored(world, 10);
        Book large = world.Allocate(5, 2 * World.PageBytes);
        for (int page = 0; page < 5; page++)
            large.Store(page, Contents.Text(page));
        run.Together(
            () => PressureScenarios.Wander(run, small, slot: 0, 4),
            () => PressureScenarios.Wander(run, large, slot: 0, 4),
            () =>
            {
                Resize(world, 8, 256 << 10);
                Resize(world, 16, 256 << 10);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoResizers = new("two threads that change the budgets take turns, and the last one's hold", static run =>
    {
        var world = new World(run, Frames, s_pool);
        Book book = Stored(world, 10);
        run.Together(
            () => Resize(world, 5, s_pool / 2),
            () => Resize(world, 7, s_pool * 2 / 3),
            () => PressureScenarios.Wander(run, book, slot: 0, 4));
        PagerStatistics now = world.Pager.GetStatistics();
        (long, long)[] possible = [(5, s_pool / 2), (7, s_pool * 2 / 3), (Frames, s_pool)];
        Assert.Contains((now.ResidentBudgetBytes / World.PageBytes, now.PoolBudgetBytes), possible);
        world.CheckAndClose();
    });

    internal static readonly Scenario Pinned = new(
        "frames under leases stay: the budgets are as they were, or hold when the leases end", static run =>
    {
        var world = new World(run, Frames);
        Book book = Stored(world, 12);
        bool shrunk = false;
        run.Together(
            () => World.IgnoreFull(() =>
            {
                using ReadLease<long> a = book.Array.Read(0), b = book.Array.Read(512), c = book.Array.Read(1024);
                run.Step();
                using ReadLease<long> d = book.Array.Read(1536), e = book.Array.Read(2048);
                run.Step();
            }),
            () => shrunk = Resize(world, 4, World.SmallestPool),
            () => Repeat(3, () => World.IgnoreFull(() => book.Get(6 + run.Dice.Below(5), 2))));
        Assert.Equal((shrunk ? 4 : Frames) * World.PageBytes, world.Pager.GetStatistics().ResidentBudgetBytes);
        world.CheckAndClose();
    });

    internal static readonly Scenario AgainstDispose = new("a pager that is disposed while its budgets move ends both", static run =>
    {
        var world = new World(run, Frames, s_pool);
        Stored(world, 12);
        run.Together(
            () => IgnoreDisposed(() => Resize(world, 4, s_pool / 2)),
            () =>
            {
                run.Step();
                world.Pager.Dispose();
            });
        Assert.Throws<ObjectDisposedException>(() => world.Pager.Resize(Frames * World.PageBytes, s_pool));
    });

    internal static readonly Scenario OlderStep = new(
        "a step that was decided on before the budgets were set does not move them behind that", static run =>
    {
        var memory = new FakeMemory { Reading = s_none };
        var world = new World(run, Frames, s_pool, memory: memory);
        Stored(world, 10);
        run.Together(
            () => world.Domain.Follower!.Step(),
            () => Assert.True(Resize(world, 6, s_pool * 2 / 3)));

        // A look behind that may have found that there is less to be had. Without one, nothing is lower than was asked for.
        if (world.Domain.Follower!.Share == 1)
        {
            PagerStatistics now = world.Pager.GetStatistics();
            Assert.Equal((6L * World.PageBytes, s_pool * 2 / 3), (now.ResidentBudgetBytes, now.PoolBudgetBytes));
        }

        world.CheckAndClose();
    });

    internal static readonly Scenario ArrayThatFits = new(
        "an array that the budgets hold when all has settled is made, whatever moves them meanwhile", static run =>
    {
        const int ManyFrames = 4 * Frames;
        long largePool = Paging.Swap.LogGeometry.MinPoolBytes(4 * World.PageBytes) * 5 / 4;
        var memory = new FakeMemory { Reading = s_none };
        var world = new World(run, ManyFrames, largePool, memory: memory);
        Stored(world, 10);
        for (int i = 0; i < 8; i++)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            world.Domain.Follower!.Step();
        }

        Assert.InRange(world.Pager.GetStatistics().ResidentBudgetBytes, 0, Frames * World.PageBytes);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        run.Together(
            () => world.Allocate(2, 4 * World.PageBytes).Store(1, Contents.Text(7)),
            () => Resize(world, ManyFrames * 3 / 4, largePool),
            () =>
            {
                world.Domain.Follower!.Step();
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                world.Domain.Follower.Step();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario CopiesAgainstDispose = new(
        "stored copies are dropped for a pool that shrinks, and no pin of that is in the way of Dispose", static run =>
    {
        const int ManyFrames = 24;
        var world = new World(run, ManyFrames, s_pool);
        Book book = world.Allocate(ManyFrames);
        for (int page = 0; page < ManyFrames - 2; page++)
            book.StoreAndLoad(page, Contents.Noise(page + 1));
        run.Together(
            () => Resize(world, ManyFrames, World.SmallestPool),
            book.Array.Dispose);
        world.CheckAndClose();
    });

    internal static readonly Scenario AllPinned = new(
        "a fault that finds every frame pinned sleeps while frames are to go, and does not look again and again", static run =>
    {
        const int MostSteps = 4_000;
        var world = new World(run, Frames);
        Book book = Stored(world, 12);
        int steps = 0;
        UnderLeases(book, Frames, () =>
        {
            steps = -run.Interleaver.Steps;
            run.Together(
                () => Assert.False(Resize(world, 5, World.SmallestPool)),
                () => World.IgnoreFull(() => book.Get(10, 3)));
            steps += run.Interleaver.Steps;
        });
        Assert.InRange(steps, 1, MostSteps);
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        FramesUnderFaults, PoolUnderStores, BothUnderPrefetch, IntoAFile, TwoSizes, TwoResizers, Pinned, AgainstDispose, OlderStep, ArrayThatFits,
        CopiesAgainstDispose, AllPinned,
    ];

    internal static bool Resize(World world, int frames, long poolBytes)
    {
        try
        {
            world.Pager.Resize((long)frames * World.PageBytes, poolBytes);
            return true;
        }
        catch (OutOfPagingSpaceException e)
        {
            Assert.NotEqual(default, e.Statistics);
            return false;
        }
    }

    /// <summary>Does something while the calling thread has leases on the first pages.</summary>
    private static void UnderLeases(Book book, int pages, Action action)
    {
        if (pages == 0)
        {
            action();
            return;
        }

        using ReadLease<long> lease = book.Array.Read((pages - 1) * 512L);
        UnderLeases(book, pages - 1, action);
    }

    private static void IgnoreDisposed(Action action)
    {
        try
        {
            action();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    private static Book Stored(World world, int pages)
    {
        Book book = world.Allocate(pages);
        for (int page = 0; page < pages - 1; page++)
            book.Store(page, page % 3 == 0 ? Contents.Noise(page) : Contents.Text(page));
        return book;
    }
}
#endif
