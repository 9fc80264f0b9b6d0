#if DEBUG
using Paging.Residency;
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.ClosingScenarios;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Arrays that are mapped from files: pages that come from there, go back to it, are written, discarded and closed. Reads on the
/// threads that want a page let others run in their middle; those that are begun ahead are completed by a thread of their own.</summary>
internal static class MappedScenarios
{
    private const int InputOutputError = 5;

    private static readonly long[] s_salts = [Contents.Text(1), Contents.Noise(2), Contents.Zeroes, Contents.Noise(3), Contents.Text(4)];

    internal static readonly Scenario ComesAndGoes = new("a page of a file comes, goes and is written, and what was written comes back", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out _);
        run.Together(
            () => Repeat(2, () =>
            {
                book.Get(0, 1);
                book.Set(1, 0, 11);
                book.Get(1, Book.Slots);
            }),
            () => Repeat(2, () =>
            {
                book.ReadLease(1);
                book.Copy(0);
                book.WriteLease(0, 1, 12);
            }),
            () => Repeat(2, () =>
            {
                book.Evict(0);
                book.Evict(1);
                world.EvictAll();
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario OneReadForAll = new("threads that want the same page of a file read it once", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out MemorySource source);
        run.Together(() => book.Get(1, 1), () => book.Copy(1), () => book.ReadLease(1));
        Assert.Equal(1, source.Reads);
        world.CheckAndClose();
    });

    internal static readonly Scenario Discarded = new("a discarded page of a file is as it was or zero, and zero in the end", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out _);
        run.Together(
            () =>
            {
                book.Discard(0);
                book.Overwrite(1, Contents.Noise(21));
                book.Discard(1);
                book.Discard(0);
            },
            () => Repeat(2, () =>
            {
                book.Get(0, 1);
                book.Copy(1);
                book.Get(3, 1);
            }),
            () => Repeat(2, () =>
            {
                book.Evict(0);
                book.Evict(1);
            }));
        book.Discard(3);
        Assert.Equal(0, book.Get(0, 1));
        Assert.Equal(0, book.Get(1, 1));
        world.CheckAndClose();
    });

    internal static readonly Scenario DiscardedFarApart = new(
        "pages of a long mapped array that lie alone are discarded, read and written", static run =>
    {
        var world = new World(run);
        Book book = world.Map([.. Enumerable.Range(0, 520).Select(Contents.Text)], out _);
        run.Together(
            () =>
            {
                book.Discard(3);
                book.Discard(515);
            },
            () =>
            {
                book.Get(3, 1);
                book.Set(514, 0, 31);
                book.Get(515, 1);
            },
            () =>
            {
                book.Get(515, 1);
                world.EvictAll();
                book.Get(3, 1);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario Closed = new(
        "a mapped array is disposed while it is read, and its file closed once, behind the last read", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out MemorySource source);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() =>
            {
                book.Get(0, 1);
                book.Set(1, 0, 41);
                book.Copy(3);
            }),
            () =>
            {
                UntilDisposed(() => book.Get(1, 1));
                world.EvictAll();
                UntilDisposed(() => book.Discard(2));
            });
        Assert.Equal(1, source.Closed);
        world.CheckAndClose();
    });

    internal static readonly Scenario ClosedAhead = new("a mapped array is disposed while reads are under way that were begun ahead", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Map(s_salts, out MemorySource source);
        FileScenarios.WithPrefetch(
            source,
            run,
            world,
            book,
            UntilDisposed,
            () =>
            {
                UntilDisposed(() => book.Get(1, 1));
                DisposeInTheEnd(run, book);
            });
        Assert.Equal(1, source.Closed);
        world.CheckAndClose();
    });

    internal static readonly Scenario ReadAhead = FileScenarios.ReadAhead("a file", static world =>
    {
        Book book = world.Map(s_salts, out MemorySource source);
        return (book, source, () => Assert.Equal(1, source.Closed));
    });

    internal static readonly Scenario Gathered = new("rows are gathered from a file while its pages come, go and change", static run =>
    {
        var world = new World(run, frames: 8);
        Book book = world.Map(s_salts, out MemorySource source);
        source.DelaysCompletion = true;
        FileScenarios.With(source, run,
            () => Repeat(2, () => book.Gather([(3, 1), (0, 0), (1, 3), (4, 1), (0, 100)])),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                book.Set(0, 0, 61);
                world.EvictAll();
                book.Set(3, 1, 62);
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario AskedFor = new(
        "a page of a file that is asked for is read by another thread, and never by who asks", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out MemorySource source);
        long before = 0;
        run.Together(
            () => Repeat(4, () =>
            {
                book.TryReadLease(0);
                book.TryReadLease(1);
            }),
            () => Repeat(4, () => world.Domain.Step()),
            () => Repeat(2, () => book.Evict(0)));
        while (world.Domain.Step())
        {
        }

        world.EvictAll();
        before = source.Reads;
        Assert.False(book.TryReadLease(0));
        Assert.Equal(before, source.Reads);
        world.Domain.Step();
        Assert.True(book.TryReadLease(0));
        world.CheckAndClose();
    });

    internal static readonly Scenario FailsForAWhile = new(
        "a page that cannot be read is an exception to everyone who wants it, and there when it can", static run =>
    {
        var world = new World(run);
        Book book = world.Map(s_salts, out MemorySource source);

        // The last byte of the last page, which begins at an odd place, is in a block of its own.
        source.ErrorOf = static offset => offset / World.PageBytes == 6 ? InputOutputError : 0;
        int failed = 0;
        run.Together(
            () => Try(() => book.Get(4, 1)),
            () =>
            {
                Try(() => book.WriteLease(4, 0, 71));
                book.Get(3, 1);
            },
            () =>
            {
                book.Get(0, 1);
                Try(() => book.Copy(4));
                world.EvictAll();
            });
        Assert.Equal(3, failed);
        source.ErrorOf = static _ => 0;
        book.Copy(4);
        book.WriteLease(4, 0, 72);
        world.CheckAndClose();

        void Try(Action access)
        {
            PageCorruptedException e = Assert.Throws<PageCorruptedException>(access);
            Assert.Equal(4, e.PageIndex);
            failed++;
        }
    });

    internal static readonly Scenario Resized = new("budgets move under pages of a file", static run =>
    {
        var world = new World(run, 8, 3 * World.SmallestPool);
        Book book = world.Map([.. s_salts, .. s_salts], out _);
        run.Together(
            () => PressureScenarios.Wander(run, book, slot: 0, 5),
            () => PressureScenarios.Wander(run, book, slot: 1, 5),
            () =>
            {
                ResizeScenarios.Resize(world, 4, World.SmallestPool);
                ResizeScenarios.Resize(world, 8, 2 * World.SmallestPool);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario KeptInThePool = new(
        "pages of a file are kept in the pool, dropped when others want the room, and read again", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Map([.. Enumerable.Range(1, 9).Select(Contents.Noise)], out _);
        Keep(world, book, 9);
        Book other = world.Allocate(8);
        run.Together(
            () =>
            {
                for (int page = 0; page < 8; page++)
                {
                    other.TryOverwrite(page, Contents.Noise(100 + page));
                }
            },
            () => Repeat(3, () =>
            {
                book.Get(run.Dice.Below(9), 1);
                book.Copy(run.Dice.Below(9));
                world.EvictAll();
            }),
            () => Repeat(3, () =>
            {
                world.Log.Cleaner.TryClean(Paging.Swap.StoreLevel.Normal);
                book.Evict(run.Dice.Below(9));
                world.Domain.Step();
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario KeptAndChanged = new(
        "pages of a file that are kept in the pool are written, discarded and dropped", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Map([.. Enumerable.Range(1, 7).Select(Contents.Noise)], out _);
        Keep(world, book, 7);
        run.Together(
            () =>
            {
                book.Set(0, 0, 81);
                book.Discard(1);
                book.Overwrite(2, Contents.Noise(82));
                book.WriteLease(3, 1, 83);
            },
            () => Repeat(4, () => DropOne(world)),
            () => Repeat(3, () =>
            {
                world.EvictAll();
                book.Get(0, 1);
                book.Copy(3);
                book.ReadLease(4);
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario KeptBesideAFile = new("pages of a file that are kept in the pool are not written to a swap file", static run =>
    {
        var world = new World(run, frames: 6);
        MemoryDevice device = world.AddFile(64 * 12 * 4096, delays: true);
        Book book = world.Map([.. Enumerable.Range(1, 7).Select(Contents.Noise)], out _);
        Keep(world, book, 4);
        for (int page = 4; page < 7; page++)
        {
            book.Store(page, Contents.Noise(90 + page));
        }

        FileScenarios.With(device, run,
            () => Repeat(3, () => world.WriteOne()),
            () => Repeat(2, () =>
            {
                book.Copy(1);
                book.Get(5, 1);
                world.EvictAll();
            }),
            () =>
            {
                book.Set(2, 0, 91);
                world.EvictAll();
                book.Get(2, 1);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario KeptAndClosed = new(
        "a mapped array is disposed whose pages are in the pool, while these are dropped", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Map([.. Enumerable.Range(1, 6).Select(Contents.Noise)], out MemorySource source);
        Keep(world, book, 6);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => Repeat(4, () => DropOne(world)),
            () => UntilDisposed(() => Repeat(2, () =>
            {
                book.Copy(1);
                world.EvictAll();
            })));
        Assert.Equal(1, source.Closed);
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        KeptInThePool, KeptAndChanged, KeptBesideAFile, KeptAndClosed, ComesAndGoes, OneReadForAll, Discarded, DiscardedFarApart, Closed, ClosedAhead,
        ReadAhead, Gathered, AskedFor, FailsForAWhile, Resized,
    ];

    /// <summary>Reads pages twice, so that the pool keeps them, as far as it has room.</summary>
    private static void Keep(World world, Book book, int pages)
    {
        for (int round = 0; round < 2; round++)
        {
            for (int page = 0; page < pages; page++)
            {
                book.ReadLease(page);
                book.Evict(page);
            }
        }

        Assert.True(world.Store.Budget.RedundantBytes > 0, "no page is kept");
    }

    /// <summary>Drops what is kept of the file in one segment, whether or not the pool needs it.</summary>
    private static void DropOne(World world) => new Paging.Swap.RedundantEntries(world.Store.Segments, world.Store.Descriptors, world.Store.Budget)
        .TryDrop(world.Log);
}
#endif
