#if DEBUG
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Everything at once: faults, reclaim, pages read ahead, budgets that move, and a device that takes its time, over data of which
/// some is in frames, some in the pool and some in a file. The other scenarios are about one thing each; these are about what they do to
/// each other.</summary>
/// <remarks>Seeds are long ones, so the tests run fewer. PAGING_SEEDS runs as many as of all others.</remarks>
internal static class TogetherScenarios
{
    private const int Frames = 12;
    private const int FewFrames = 6;
    private const int Pages = 22;
    private const int OwnPages = 6;
    private const long File = 64 * 12 * 4096;

    /// <summary>Not enough for all pages that do not shrink.</summary>
    private static readonly long s_pool = 2 * World.SmallestPool;

    internal static readonly Scenario Streams = new(
        "pages are read ahead out of frames, pool and file under writes, evictions and discards, while both budgets move", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Loop);
        FileScenarios.With(scene.Device, run,
            () => Read(scene.Shared, 0, Pages),
            () => PressureScenarios.Wander(run, scene.Shared, slot: 1, 6),
            () => Change(run, scene.Own, 6),
            () => Repeat(10, () => scene.World.Domain.Step()),
            () => MoveBudgets(scene.World));
        End(scene);
    });

    internal static readonly Scenario Backwards = new(
        "two streams, one of them backwards, share the room for pages ahead, which comes and goes with the budget", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Sequential);
        FileScenarios.With(scene.Device, run,
            () => Read(scene.Shared, 0, Pages / 2),
            () =>
            {
                for (int page = Pages - 1; page > Pages / 3; page--)
                    scene.Shared.Get(page, 4);
            },
            () => Repeat(6, () => scene.World.Domain.Step()),
            () =>
            {
                Repeat(4, () => scene.World.Domain.Step());
                scene.World.EvictAll();
            },
            () => MoveBudgets(scene.World));
        End(scene);
    });

    internal static readonly Scenario Gathers = new("rows are gathered beside a stream and a prefetch while both budgets move", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Sequential);
        Pending? prefetch = null;
        FileScenarios.With(scene.Device, run,
            () => scene.Shared.Gather([(17, 0), (2, 5), (9, 1), (20, 0), (2, 6), (13, 0), (5, 2), (17, 9)]),
            () =>
            {
                prefetch = new Pending(scene.Shared.Array.PrefetchAsync(0, scene.Shared.Array.Length / 3));
                Read(scene.Shared, 4, 12);
            },
            () => Change(run, scene.Own, 5),
            () => Repeat(8, () => scene.World.Domain.Step()),
            () => MoveBudgets(scene.World));
        while (!prefetch!.IsCompleted)
            scene.World.Domain.Step();
        End(scene);
    });

    internal static readonly Scenario TwoSizes = new("pages of two sizes are read ahead and written while both budgets move", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Loop, frames: 20, poolBytes: 256 << 10);
        Book large = scene.World.Allocate(6, 2 * World.PageBytes);
        for (int page = 0; page < 6; page++)
            large.Store(page, page % 2 == 0 ? Contents.Noise(page + 70) : Contents.Text(page));
        scene.Device.DelaysCompletion = true;
        FileScenarios.With(scene.Device, run,
            () => Read(scene.Shared, 0, Pages),
            () => Read(large, 0, 6),
            () => PressureScenarios.Wander(run, large, slot: 2, 4),
            () => Repeat(8, () => scene.World.Domain.Step()),
            () =>
            {
                Resize(scene.World, 9, 256 << 10);
                Resize(scene.World, 20, 256 << 10);
            });
        End(scene);
    });

    internal static readonly Scenario ArrayDisposed = new("an array is disposed while others are read ahead, evicted and resized", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Loop);
        FileScenarios.With(scene.Device, run,
            () => Read(scene.Shared, 0, Pages),
            () => ClosingScenarios.UntilDisposed(() =>
            {
                for (int page = 0; page < OwnPages; page++)
                    _ = scene.Own.Array[page * 512L];
            }),
            () => UnlessLeased(scene.Own.Array.Dispose),
            () => Repeat(8, () => scene.World.Domain.Step()),
            () => MoveBudgets(scene.World));
        End(scene);
    });

    internal static readonly Scenario FileRemoved = new(
        "the file is removed while pages are read ahead from it, written and evicted, and both budgets move", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Loop);
        FileScenarios.With(scene.Device, run,
            () => World.IgnoreFull(() => Read(scene.Shared, 0, Pages)),
            () => World.IgnoreFull(() => PressureScenarios.Wander(run, scene.Shared, slot: 1, 4)),
            () => World.IgnoreFull(scene.World.RemoveFile),
            () => Repeat(8, () => scene.World.Domain.Step()),
            () => MoveBudgets(scene.World));
        End(scene);
    });

    internal static readonly Scenario PagerDisposed = new("the pager is disposed while everything goes on", static run =>
    {
        Scene scene = Begin(run, PageAdvice.Loop);
        FileScenarios.With(scene.Device, run,
            () => ClosingScenarios.UntilDisposed(() =>
            {
                for (int page = 0; page < Pages; page++)
                    _ = scene.Shared.Array[page * 512L];
            }),
            () => ClosingScenarios.UntilDisposed(() => scene.Own.Array[512] = 5),
            () => Repeat(8, () => scene.World.Domain.Step()),
            () => ClosingScenarios.UntilDisposed(() => MoveBudgets(scene.World)),
            () => UnlessLeased(scene.World.Pager.Dispose));
        scene.World.Pager.Dispose();
        Assert.Equal(0, scene.Device.PendingCount);
        Assert.False(scene.World.Domain.Step());
    });

    internal static IReadOnlyList<Scenario> All { get; } = [Streams, Backwards, Gathers, TwoSizes, ArrayDisposed, FileRemoved, PagerDisposed];

    /// <summary>What all runs so far have done: pages read ahead, segments written, reads from the file, and changes of the budgets that
    /// succeeded.</summary>
    internal static (long ReadAhead, long Written, long Read, long Resized) Done { get; private set; }

    /// <summary>One array that all threads use, and one whose pages one thread changes as a whole.</summary>
    private sealed record Scene(World World, Book Shared, Book Own, MemoryDevice Device);

    private static Scene Begin(Run run, PageAdvice advice, int frames = Frames, long? poolBytes = null)
    {
        var world = new World(run, frames, poolBytes ?? s_pool);
        MemoryDevice device = world.AddFile(File, delays: false);
        Book shared = world.Allocate(Pages);
        for (int page = 0; page < Pages - 1; page++)
            shared.Store(page, page % 4 == 3 ? Contents.Text(page) : Contents.Noise(page + 1));
        Book own = world.Allocate(OwnPages);
        for (int page = 0; page < OwnPages - 1; page++)
            own.Store(page, Contents.Noise(page + 50));
        while (world.WriteOne() == WritebackStart.Started)
        {
        }

        shared.Array.Advise(0, shared.Array.Length, advice);
        device.DelaysCompletion = true;
        return new Scene(world, shared, own, device);
    }

    private static void End(Scene scene)
    {
        Assert.Equal(0, scene.Device.PendingCount);
        PrefetchScenarios.AssertEnds(scene.World);
        Assert.False(scene.World.Domain.Prefetcher.Readahead.Step());
        scene.World.AwaitWrites();
        Note(scene);
        scene.World.CheckAndClose();
    }

    private static void Note(Scene scene)
    {
        PagerStatistics now = scene.World.Domain.GetStatistics();
        Done = (
            Done.ReadAhead + now.PrefetchedPages,
            Done.Written + now.Writebacks,
            Done.Read + now.FaultsFromFile,
            Done.Resized + scene.World.Domain.Resizer.Sets);
    }

    private static void Read(Book book, int first, int end)
    {
        for (int page = first; page < end; page++)
            book.Get(page, 5);
    }

    /// <summary>By the owner of all pages.</summary>
    private static void Change(Run run, Book book, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            int page = run.Dice.Below(book.Pages);
            switch (run.Dice.Below(6))
            {
                case 0:
                    book.Discard(page);
                    break;
                case 1:
                    book.Fill(page, step + 1);
                    break;
                case 2:
                    book.Array.Advise(page * 512L, 512, run.Dice.OnceIn(2) ? PageAdvice.Cold : PageAdvice.PageOut);
                    break;
                case 3:
                    book.Copy(page);
                    break;
                default:
                    book.Overwrite(page, Contents.Noise(step + 100));
                    break;
            }
        }
    }

    private static void MoveBudgets(World world)
    {
        Resize(world, FewFrames, World.SmallestPool);
        Resize(world, Frames, s_pool);
        Resize(world, FewFrames + 2, s_pool * 3 / 4);
    }

    private static void Resize(World world, int frames, long poolBytes) =>
        World.IgnoreFull(() => world.Pager.Resize((long)frames * World.PageBytes, poolBytes));

    /// <summary>The pins of readers, of which there is one each, may be in the way of Dispose, and nothing else.</summary>
    private static void UnlessLeased(Action dispose)
    {
        try
        {
            dispose();
        }
        catch (InvalidOperationException e) when (e is not ObjectDisposedException)
        {
            Assert.Matches(" [12] ", e.Message);
        }
    }
}
#endif
