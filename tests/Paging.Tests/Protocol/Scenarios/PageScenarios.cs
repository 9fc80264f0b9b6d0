#if DEBUG
using Paging.Residency;
using Paging.Threading;

namespace Paging.Tests.Protocol;

/// <summary>Reads, writes, faults and evictions of one page or two.</summary>
internal static class PageScenarios
{
    internal static readonly Scenario ReadersAndEvictor = new("readers find their values while the page comes and goes", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Text(1));
        run.Together(
            () => Repeat(3, () => book.Get(0, Book.Slots)),
            () => Repeat(3, () => book.Evict(0)),
            () =>
            {
                book.ReadLease(0);
                book.Copy(0);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario WriterAndCleanEviction = new("a write to a clean page outlives its eviction", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Noise(1));
        run.Together(
            () =>
            {
                book.Set(0, 0, 11);
                book.Set(0, 0, 12);
            },
            () => Repeat(4, () => book.Evict(0)),
            () => Repeat(2, () => book.Get(0, 0)));
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoWriters = new("two writers of a clean page free its stored copy once", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Noise(1));
        run.Together(
            () => book.Set(0, 0, 21),
            () => book.WriteLease(0, 1, 22),
            () =>
            {
                book.ReadLease(0);
                book.Evict(0);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario WriterAmongReaders = new("a writer among readers is not forgotten", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Noise(1));
        run.Together(
            () => book.Set(0, 0, 31),
            () => Repeat(2, () => book.ReadLease(0)),
            () => book.Get(0, 0));
        book.Evict(0);
        world.CheckAndClose();
    });

    internal static readonly Scenario WriteLeaseAndEvictors = new("no page is evicted from under a lease", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.Overwrite(0, Contents.Noise(1));
        run.Together(
            () => book.WriteLease(0, 0, 41),
            () => Repeat(3, () => book.Evict(0)),
            () => book.WriteLease(0, 1, 42));
        world.CheckAndClose();
    });

    internal static readonly Scenario GetterAndRefill = new("a getter never takes another page's value for its own", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Text(1));
        book.Store(1, Contents.Text(2));
        run.Together(
            () => Repeat(3, () => book.Get(0, 9)),
            () => Repeat(2, () =>
            {
                book.Evict(0);
                book.Get(1, 9);
                book.Evict(1);
                book.Get(0, 9);
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario WriterAndRefill = new(
        "a writer frees its own copy, not that of the page that follows in the frame", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.Store(1, Contents.Text(2));
        book.StoreAndLoad(0, Contents.Text(1));
        run.Together(
            () => book.Set(0, 0, 51),
            () =>
            {
                book.Evict(0);
                book.Get(1, 5);
                book.Evict(0);
                book.Get(1, 6);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario StaleRecord = new("an evictor leaves a page alone that has moved to another frame", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.StoreAndLoad(0, Contents.Text(1));
        book.StoreAndLoad(1, Contents.Text(2));
        run.Together(
            () => book.Evict(0),
            () =>
            {
                book.Get(0, 3);
                world.EvictAll();
                book.Get(1, 3);
            },
            () => world.EvictAll());
        world.CheckAndClose();
    });

    internal static readonly Scenario OneFaultForAll = new("threads that want the same page bring it in once", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.Store(0, Contents.Text(1));
        long before = world.Domain.Counters[Counter.FaultsFromPool];
        run.Together(
            () => book.Get(0, 7),
            () => book.ReadLease(0),
            () => book.Set(0, 1, 61));
        Assert.Equal(before + 1, world.Domain.Counters[Counter.FaultsFromPool]);
        world.CheckAndClose();
    });

    internal static readonly Scenario WaitersForAnEviction = new("who waits for an eviction is woken when it ends", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.Overwrite(0, Contents.Noise(1));
        run.Together(
            () => Repeat(2, () => book.Evict(0)),
            () => book.ReadLease(0),
            () => book.Set(0, 0, 71));
        world.CheckAndClose();
    });

    internal static readonly Scenario DiscardFaultEvict = new("a page that is discarded while it comes and goes is old or zero", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Noise(1));
        run.Together(
            () =>
            {
                book.Discard(0);
                book.Set(0, 0, 81);
                book.Overwrite(0, Contents.Text(3));
                book.Discard(0);
                book.Overwrite(0, Contents.Text(4));
            },
            () => Repeat(3, () => book.Get(0, 6)),
            () => Repeat(3, () => book.Evict(0)));
        world.CheckAndClose();
    });

    internal static readonly Scenario OverwriteOfStored = new("overwriting a stored page as a whole frees what was stored", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.Store(0, Contents.Noise(1));
        run.Together(
            () =>
            {
                book.Overwrite(0, Contents.Text(2));
                book.Fill(0, 3);
            },
            () => Repeat(2, () => book.Copy(0)),
            () => Repeat(2, () => book.Evict(0)));
        world.CheckAndClose();
    });

    internal static readonly Scenario ZeroPages = new("a page of zeroes is read, written and evicted without being stored", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        run.Together(
            () => book.ReadLease(0),
            () => Repeat(3, () => book.Evict(0)),
            () =>
            {
                book.Get(0, 2);
                book.Set(0, 2, 91);
                book.Set(0, 2, 0);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario CorruptedPage = new("a damaged page is reported to everyone who wants it, and to nobody else", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.Store(0, Contents.Text(1));
        book.Store(1, Contents.Text(2));
        Damage.FlipBodyBit(world.Store, PageWord.Stored(book.Word(0)), 100);
        run.Together(
            () => Assert.Throws<PageCorruptedException>(() => book.Get(0, 1)),
            () => Assert.Throws<PageCorruptedException>(() => book.Set(0, 1, 95)),
            () =>
            {
                book.Get(1, 1);
                book.Evict(1);
            });
        Assert.Equal(PageState.Swapped, book.State(0));
        Assert.True(world.Domain.Counters[Counter.CorruptedPages] > 0);
        book.Overwrite(0, Contents.Text(3));
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        ReadersAndEvictor, WriterAndCleanEviction, TwoWriters, WriterAmongReaders, WriteLeaseAndEvictors, GetterAndRefill, WriterAndRefill,
        StaleRecord, OneFaultForAll, WaitersForAnEviction, DiscardFaultEvict, OverwriteOfStored, ZeroPages, CorruptedPage,
    ];

    internal static void Repeat(int times, Action action)
    {
        for (int i = 0; i < times; i++)
        {
            action();
        }
    }
}
#endif
