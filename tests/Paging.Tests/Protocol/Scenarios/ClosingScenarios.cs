#if DEBUG
using Paging.Residency;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Dispose of arrays and of the pager against everything else.</summary>
internal static class ClosingScenarios
{
    internal static readonly Scenario DisposeAgainstAccess = new("an array is disposed while it is read, written and evicted", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        Book other = world.Allocate(1);
        book.StoreAndLoad(0, Contents.Text(1));
        book.Store(1, Contents.Noise(2));
        other.Overwrite(0, Contents.Noise(3));
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() =>
            {
                book.Get(0, 1);
                book.Set(1, 0, 11);
                book.Get(2, 1);
                book.Set(2, 0, 12);
            }),
            () =>
            {
                world.EvictAll();
                UntilDisposed(() => book.Get(1, 1));
                world.EvictAll();
            });
        Assert.Throws<ObjectDisposedException>(() => book.Array[0]);
        Assert.Throws<ObjectDisposedException>(() => book.Array[0] = 1);
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeAgainstFirstTouch = new(
        "a page touched first while its array is disposed leaves nothing behind", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(514);

        // Only the page table's second granule is in use: the sweep is soon through, and comes past the first while that is touched.
        book.Overwrite(513, Contents.Noise(1));
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() => book.Set(3, 0, 21)),
            () => UntilDisposed(() => book.ReadLease(5)));
        world.CheckAndClose();
    });

    internal static readonly Scenario RefusedDispose = new("a dispose that is refused is noticed by nobody else", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.StoreAndLoad(0, Contents.Text(1));
        book.Store(1, Contents.Text(2));
        using (ReadLease<long> lease = book.Array.Read(0))
        {
            run.Together(
                () => Repeat(2, () => Assert.Throws<InvalidOperationException>(book.Array.Dispose)),
                () =>
                {
                    book.Get(0, 1);
                    book.Set(0, 0, 31);
                    book.Set(2, 0, 32);
                },
                () =>
                {
                    book.ReadLease(1);
                    book.Get(1, 2);
                    book.Discard(1);
                });
        }

        world.CheckAndClose();
    });

    internal static readonly Scenario TwoRefusedDisposes = new("every dispose of a leased array is refused", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Text(1));
        using (ReadLease<long> lease = book.Array.Read(0))
        {
            run.Together(
                () => Assert.Throws<InvalidOperationException>(book.Array.Dispose),
                () => Assert.Throws<InvalidOperationException>(book.Array.Dispose),
                () => Assert.Throws<InvalidOperationException>(world.Pager.Dispose));
        }

        book.Get(0, 1);
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoDisposers = new("two threads dispose an array that a third still writes to", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Text(1));
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => TryDispose(book),
            () => UntilDisposed(() => Repeat(3, () => book.WriteLease(0, 0, 41))));
        world.CheckAndClose();
    });

    internal static readonly Scenario PagerAndArrayDisposed = new("the pager and an array of it are disposed at once", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.Overwrite(0, Contents.Noise(1));
        book.Store(1, Contents.Noise(2));
        run.Together(
            () => TryDispose(book),
            () => ClosePager(run, world),
            () => UntilDisposed(() => Repeat(2, () => book.Get(1, 1))));
        Assert.Throws<ObjectDisposedException>(() => book.Array[0]);
    });

    internal static readonly Scenario PagerDisposedAgainstAccess = new("the pager is disposed while its arrays and its pool are in use", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(600);
        book.Overwrite(0, Contents.Noise(1));
        book.Store(1, Contents.Noise(2));
        SwapId id = world.Put(Contents.Noise(3), 1000);
        StoredPage page = world.Stored[id];
        run.Together(
            () => UntilDisposed(() =>
            {
                book.Set(1, 0, 51);
                book.Set(555, 0, 52);
            }),
            () => ClosePager(run, world),
            () => UntilDisposed(() =>
            {
                world.Load(id, page);
                world.EvictAll();
                world.Put(Contents.Noise(4), 500);
            }));
        Assert.Throws<ObjectDisposedException>(() => book.Array[0]);
        Assert.Throws<ObjectDisposedException>(() => world.Swap.Free(id));
    });

    internal static readonly Scenario PagerDisposedAgainstDiscard = new(
        "the pager is disposed while pages are discarded and made dirty", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.Store(0, Contents.Noise(1));
        book.StoreAndLoad(1, Contents.Noise(2));
        book.Store(2, Contents.Noise(3));
        run.Together(
            () => UntilDisposed(() =>
            {
                book.Discard(0);
                book.Discard(1);
            }),
            () => ClosePager(run, world),
            () => UntilDisposed(() =>
            {
                book.Overwrite(2, Contents.Text(4));
                book.Discard(2);
            }));
        Assert.Throws<ObjectDisposedException>(() => book.Array[0]);
    });

    internal static readonly Scenario PagerDisposedAtTheBrim = new("the pager is disposed while writers and readers look for room", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int stored = 0;
        for (; book.TryOverwrite(stored, Contents.Noise(stored)) && book.Evict(stored) == EvictOutcome.Freed; stored++)
        {
        }

        book.TryOverwrite(20, Contents.Noise(20));
        book.TryOverwrite(21, Contents.Noise(21));
        run.Together(
            () => UntilDisposed(() =>
            {
                book.TryOverwrite(22, Contents.Noise(22));
                book.TryOverwrite(0, Contents.Text(1));
                book.TryOverwrite(23, Contents.Noise(23));
            }),
            () => UntilDisposed(() =>
            {
                book.Get(1, 1);
                book.Get(2, 1);
                book.Discard(3);
            }),
            () => ClosePager(run, world));
        Assert.Throws<ObjectDisposedException>(() => book.Array[0]);
    });

    internal static readonly Scenario PagerDisposedAgainstAllocation = new("an array is allocated while the pager is disposed", static run =>
    {
        var world = new World(run);
        run.Together(
            () => UntilDisposed(() =>
            {
                Book book = world.Allocate(2);
                book.Set(0, 0, 61);
                book.Set(1, 0, 62);
            }),
            () => ClosePager(run, world));
    });

    internal static IEnumerable<Scenario> All =>
    [
        DisposeAgainstAccess, DisposeAgainstFirstTouch, RefusedDispose, TwoRefusedDisposes, TwoDisposers, PagerAndArrayDisposed,
        PagerDisposedAgainstAccess, PagerDisposedAgainstDiscard, PagerDisposedAtTheBrim,
        PagerDisposedAgainstAllocation,
    ];

    internal static void UntilDisposed(Action action)
    {
        try
        {
            action();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    internal static bool TryDispose(Book book)
    {
        try
        {
            book.Array.Dispose();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    internal static void DisposeInTheEnd(Run run, Book book)
    {
        while (!TryDispose(book))
        {
            run.Interleaver.Yield();
        }
    }

    internal static void ClosePager(Run run, World world)
    {
        while (!world.Domain.IsClosed)
        {
            try
            {
                world.Pager.Dispose();
            }
            catch (InvalidOperationException)
            {
                run.Interleaver.Yield();
            }
        }
    }
}
#endif
