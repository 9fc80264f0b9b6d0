#if DEBUG
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>The recompressor among loads, frees, stores, the cleaner, writeback and Dispose.</summary>
internal static unsafe class ColdRaceScenarios
{
    private const int Quarter = 2000;
    private const long File = 64 * 12 * 4096;

    internal static readonly Scenario LoadAndRecompress = new(
        "a page is loaded whole while it is compressed again and its segment goes", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 6);
        StoredPage page = world.Stored[ids[1]];
        run.Together(
            () => Repeat(3, () => world.Load(ids[1], page)),
            () => world.RecompressAll(),
            () =>
            {
                world.Put(Contents.Noise(50));
                world.Put(Contents.Noise(51));
                world.Load(ids[1], page);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario FreeAndRecompress = new(
        "what is freed while it is compressed again is counted out as what it is by then", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 6);
        StoredPage page = world.Stored[ids[3]];
        run.Together(
            () => world.Free(ids[0], ids[1], ids[3]),
            () => world.RecompressAll(),
            () => world.Load(ids[3], page, mayBeGone: true),
            () =>
            {
                world.Free(ids[2]);
                world.Put(Contents.Nibbles(60), Quarter);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario CleanAndRecompress = new("the cleaner and the recompressor at the same segments keep every page", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 9);
        StoredPage page = world.Stored[ids[4]];
        world.Free(ids[1]);
        run.Together(
            () => world.RecompressAll(),
            () => Repeat(3, () => world.CleanOne()),
            () =>
            {
                world.Free(ids[2]);
                world.Load(ids[4], page);
                world.Free(ids[4]);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario WriteAndRecompress = new("what is written out and compressed again at once is in one place", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(File, delays: true);
        SwapId[] ids = Fill(world, 9);
        StoredPage page = world.Stored[ids[1]];
        bool done = false;
        run.Together(
            () => world.RecompressAll(),
            () =>
            {
                Repeat(3, () => world.WriteOne());
                done = true;
            },
            () =>
            {
                world.Load(ids[1], page);
                world.Free(ids[0], ids[5]);
                world.Load(ids[1], page);
            },
            () =>
            {
                while (!done || device.PendingCount > 0)
                {
                    if (!device.CompleteOne())
                    {
                        run.Interleaver.Yield();
                    }
                }
            });
        device.DelaysCompletion = false;
        world.CheckAndClose();
    });

    internal static readonly Scenario ArraysAndRecompress = new(
        "pages of arrays are read, written and evicted while they are compressed again", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(6);
        for (int i = 0; i < 6; i++)
        {
            book.Store(i, i % 2 == 0 ? Contents.Nibbles(i) : Contents.HalfNibbles(i));
        }

        world.GrowCold();
        run.Together(
            () => Repeat(2, () =>
            {
                book.ReadLease(0);
                book.Evict(0);
                book.ReadLease(1);
            }),
            () =>
            {
                book.Set(1, 0, 77);
                book.Evict(1);
                book.Overwrite(2, Contents.Nibbles(20));
                book.Get(0, 9);
            },
            () =>
            {
                world.RecompressAll();
                world.Clock.Advance(Recompressor.DefaultAge);
                world.RecompressAll();
            },
            () =>
            {
                book.Discard(3);
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario FullPoolRecompressed = new(
        "a full pool that is compressed again refuses nothing that there is room for", static run =>
    {
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Nibbles(i), Quarter, out SwapId id); i++)
        {
            ids.Add(id);
        }

        StoredPage page = world.Stored[ids[6]];
        world.GrowCold();
        run.Together(
            () =>
            {
                world.RecompressAll();
                world.Clock.Advance(Recompressor.DefaultAge);
                world.RecompressAll();
            },
            () =>
            {
                world.Free(ids[0], ids[1], ids[2], ids[3], ids[5], ids[9], ids[10]);
                for (int i = 0; i < 3; i++)
                {
                    Assert.True(world.TryPut(Contents.Nibbles(200 + i), Quarter, out _), $"store {i} finds no room");
                }
            },
            () => Repeat(3, () => world.Load(ids[6], page)));
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralDrivers = new("of several threads one drives, and nothing that is stored is forgotten", static run =>
    {
        var world = new World(run);
        SwapId early = world.Put(Contents.HalfNibbles(1));
        run.Together(
            () => world.RecompressAll(driver: 1),
            () => world.RecompressAll(driver: 2),
            () =>
            {
                world.Put(Contents.HalfNibbles(2), Quarter);
                world.Load(early, world.Stored[early]);
                world.Put(Contents.Nibbles(3), Quarter);
            });

        // Whichever of them is in charge, or whichever is woken when neither is.
        for (int round = 0; round < 3; round++)
        {
            world.Clock.Advance(2 * Recompressor.DefaultAge);
            world.RecompressAll(driver: 1);
            world.RecompressAll(driver: 2);
        }

        Assert.Equal(3, world.Pager.GetStatistics().RecompressedPages);
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeWhileRecompressing = new("the pager is disposed while it is at it", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(5);
        for (int i = 0; i < 5; i++)
        {
            book.Store(i, Contents.Nibbles(i));
        }

        world.GrowCold();
        run.Together(
            () =>
            {
                // As a background thread, which Dispose waits for before it takes anything away.
                for (int i = 0; i < 20 && world.Store.Rundown.TryEnter(); i++)
                {
                    world.Recompress();
                    world.Store.Rundown.Exit();
                }
            },
            () =>
            {
                try
                {
                    world.Pager.Dispose();
                }
                catch (InvalidOperationException)
                {
                    // The lease.
                }
            },
            () =>
            {
                try
                {
                    book.ReadLease(1);
                    book.Evict(1);
                }
                catch (ObjectDisposedException)
                {
                }
            });
        world.Pager.Dispose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        LoadAndRecompress, FreeAndRecompress, CleanAndRecompress, WriteAndRecompress, ArraysAndRecompress, FullPoolRecompressed, SeveralDrivers,
        DisposeWhileRecompressing,
    ];

    /// <summary>Cold pages, four of which fill a segment; some that LZ4 shrinks and some that it does not, and one that nothing does.</summary>
    private static SwapId[] Fill(World world, int count)
    {
        var ids = new SwapId[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = world.Put(i == 2 ? Contents.Noise(i) : i % 2 == 0 ? Contents.HalfNibbles(i + 1) : Contents.Nibbles(i), Quarter);
        }

        world.GrowCold();
        return ids;
    }
}
#endif
