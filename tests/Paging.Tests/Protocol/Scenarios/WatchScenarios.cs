#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Leases on watched pages are counted by looking at them, on others one by one; parts of tables come and go between the two.</summary>
internal static class WatchScenarios
{
    internal static readonly Scenario UncoverAgainstFaults = new("a lease is counted whatever becomes of its part of the table", static run =>
    {
        var world = new World(run, watched: true);
        Book book = world.Allocate(6);
        for (int page = 0; page < 3; page++)
        {
            book.Store(page, Contents.Text(page));
        }

        run.Together(() => Hold(world, book, 0), () => Hold(world, book, 1), () => Uncover(world, 4));
        AssertBalanced(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario UncoverAgainstHits = new(
        "pages in their frames come to be watched and are no more, under leases, setters and the clock", static run =>
    {
        var world = new World(run, watched: true);
        Book book = world.Allocate(6);
        for (int page = 0; page < 3; page++)
        {
            book.Set(page, 1, page);
        }

        world.Domain.Watch.Suspend(0);
        run.Together(
            () => Hold(world, book, 0, evicts: false),
            () => Hold(world, book, 0, evicts: false),
            () =>
            {
                for (int i = 0; i < 3; i++)
                {
                    book.Set(0, 2, i);
                    book.Evict(0);
                }
            },
            () => Uncover(world, 3));
        AssertBalanced(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeAgainstCover = new(
        "a table that goes is covered no more, and the next one in its place is", static run =>
    {
        var world = new World(run, watched: true);
        Book book = world.Allocate(3);
        Book other = world.Allocate(3);
        run.Together(
            () => Try(() => book.ReadLease(0)),
            () => Try(() => book.ReadLease(1)),
            () => Hold(world, other, 1),
            () => Try(book.Array.Dispose));
        Try(book.Array.Dispose);
        Assert.Equal(1, world.Domain.Watch.Count);
        AssertBalanced(world);
        world.CheckAndClose();

        static void Try(Action access)
        {
            try
            {
                access();
            }
            catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException)
            {
            }
        }
    });

    internal static IEnumerable<Scenario> All => [UncoverAgainstFaults, UncoverAgainstHits, DisposeAgainstCover];

    private static void Hold(World world, Book book, int page, bool evicts = true)
    {
        for (int i = 0; i < 3; i++)
        {
            using (ReadLease<long> lease = book.Array.Read(page * 512L))
            {
                world.Run.Step();
                Assert.InRange(world.Domain.Leases, 1, 4);
            }

            if (evicts)
            {
                book.Evict(page);
            }
        }
    }

    private static void Uncover(World world, int times)
    {
        for (int i = 0; i < times; i++)
        {
            world.Domain.Watch.Suspend(0);
            world.Run.Step();
        }
    }

    /// <summary>With no lease out both counts are zero: none ended otherwise than it began.</summary>
    private static void AssertBalanced(World world)
    {
        Assert.Equal(0, world.Domain.Leases);
        Assert.Equal(0, world.Domain.Watch.CountPins());
    }
}
#endif
