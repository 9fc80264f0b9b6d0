#if DEBUG
using Paging.Swap;
using Paging.TestSeam;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>The swap layer by itself: stores, loads, references, the cleaner.</summary>
internal static unsafe class StoreScenarios
{
    /// <summary>Eight of these fill a segment of the smallest pool, headers included.</summary>
    private const int Eighth = 1000;

    internal static readonly Scenario LoadAndMove = new(
        "a reader is never in a segment that it has not pinned, or that its page has left", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 10);
        StoredPage page = world.Stored[ids[3]];
        world.Free(ids[0], ids[1], ids[2]);
        run.Interleaver.Probe = word =>
        {
            if (word == SharedWord.PageData)
            {
                AssertHeld(world.Store, ids[3]);
            }
        };
        run.Together(
            () => Repeat(2, () => world.Load(ids[3], page)),
            () => Repeat(2, () => world.CleanOne()),
            () =>
            {
                world.Put(Contents.Noise(50), Eighth);
                world.Put(Contents.Noise(51));
                world.Put(Contents.Noise(52));
            });
        run.Interleaver.Probe = null;
        world.CheckAndClose();
    });

    internal static readonly Scenario LoadMoveFree = new("a page that is moved and freed is loaded whole or not at all", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 9);
        StoredPage page = world.Stored[ids[3]];
        world.Free(ids[0], ids[1], ids[2], ids[4], ids[5]);
        run.Together(
            () => Repeat(3, () => world.Load(ids[3], page, mayBeGone: true)),
            () => Repeat(2, () => world.CleanOne()),
            () =>
            {
                world.Free(ids[6]);
                world.Free(ids[3]);
                world.Put(Contents.Noise(60), Eighth);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario FreeAndMove = new("what is freed is debited where it is, not where it was", static run =>
    {
        var world = new World(run);
        SwapId[] ids = Fill(world, 9);
        world.Free(ids[0], ids[1], ids[2]);
        run.Together(
            () => world.Free(ids[3], ids[4]),
            () => Repeat(2, () => world.CleanOne()),
            () => world.Free(ids[5], ids[6]));
        world.CheckAndClose();
    });

    internal static readonly Scenario ReaderInADrainingSegment = new("a segment emptied under its readers is freed by the last of them", static run =>
    {
        var world = new World(run);
        SwapId id = world.Put(Contents.Noise(1));
        world.Put(Contents.Noise(2));
        StoredPage page = world.Stored[id];
        run.Together(
            () => Repeat(2, () => world.Load(id, page, mayBeGone: true)),
            () => Repeat(2, () => world.Load(id, page, mayBeGone: true)),
            () =>
            {
                world.Free(id);
                world.Put(Contents.Noise(3));
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario IdReused = new(
        "an id that is freed and followed by another at the same place is gone, not damaged", static run =>
    {
        var world = new World(run);
        SwapId id = world.Put(Contents.Noise(1));
        world.Put(Contents.Noise(2));
        StoredPage page = world.Stored[id];
        run.Together(
            () => Repeat(2, () => world.Load(id, page, mayBeGone: true)),
            () =>
            {
                world.Free(id);
                SwapId next = world.Put(Contents.Noise(3));
                Assert.NotEqual(id, next);
                Assert.Equal((uint)id.Value, (uint)next.Value);
            });
        Assert.False(world.Load(id, page, mayBeGone: true));
        world.CheckAndClose();
    });

    internal static readonly Scenario PatternReused = new("a pattern is loaded whole although its descriptor is used again", static run =>
    {
        var world = new World(run);
        SwapId id = world.Put(Contents.SameFilled(1), 4096);
        StoredPage page = world.Stored[id];
        run.Together(
            () => Repeat(3, () => world.Load(id, page, mayBeGone: true)),
            () =>
            {
                world.Free(id);
                world.Free(world.Put(Contents.SameFilled(2), 2048));
                world.Put(Contents.Noise(3), 700);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario LastReference = new("a reference is added to a page or refused, and never to one that is gone", static run =>
    {
        var world = new World(run);
        SwapId id = world.Put(Contents.Text(1), 2000);
        StoredPage page = world.Stored[id];
        run.Together(
            () =>
            {
                if (TryAddReference(world, id, page))
                {
                    world.Load(id, page);
                    world.Free(id);
                }
            },
            () =>
            {
                world.Free(id);
                world.Put(Contents.Text(2), 1500);
            },
            () =>
            {
                if (TryAddReference(world, id, page))
                {
                    world.Free(id);
                }
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario StoresAndSeals = new("a page just stored counts, whoever seals its segment", static run =>
    {
        var world = new World(run);
        run.Together(
            () => world.Put(Contents.Noise(1)),
            () => Repeat(2, () => world.Put(Contents.Noise(run.Dice.Below(100)))),
            () => world.Free(world.Put(Contents.Noise(3), Eighth)));
        world.Put(Contents.Noise(4));
        world.CheckAndClose();
    });

    internal static readonly Scenario FullStore = new("a full pool takes as much as is freed, and cleans for it", static run =>
    {
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), Eighth, out SwapId id); i++)
        {
            ids.Add(id);
        }

        // Seven of eight in each of the first segments: what is left of them has to be moved before they can be used again.
        for (int i = 0; i < 40; i++)
        {
            if (i % 8 != 0)
            {
                world.Free(ids[i]);
            }
        }

        int refused = 0;
        run.Together(
            () => PutEighths(200, 9),
            () => PutEighths(300, 9),
            () => world.Free(ids[50], ids[51], ids[58], ids[66]));
        Assert.Equal(0, refused);
        world.CheckAndClose();

        void PutEighths(int first, int count)
        {
            for (int i = 0; i < count; i++)
            {
                refused += world.TryPut(Contents.Noise(first + i), Eighth, out _) ? 0 : 1;
            }
        }
    });

    internal static readonly Scenario StoreWhileDraining = new("what was freed under a reader makes room once the reader has left", static run =>
    {
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), World.PageBytes, out SwapId id); i++)
        {
            ids.Add(id);
        }

        StoredPage page = world.Stored[ids[0]];
        run.Together(
            () => Repeat(3, () => world.Load(ids[0], page, mayBeGone: true)),
            () =>
            {
                world.Free(ids[0]);
                Assert.True(world.TryPut(Contents.Noise(50), World.PageBytes, out _));
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario StoreFreeClean = new("stores, frees and cleaning at the brim keep every page", static run =>
    {
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), 300 + (i % 5 * 400), out SwapId id); i++)
        {
            ids.Add(id);
        }

        for (int i = 0; i < 12; i++)
        {
            world.Free(ids[3 * i]);
        }

        run.Together(
            () => Repeat(5, () => world.TryPut(Contents.Noise(400 + run.Dice.Below(50)), 300 + run.Dice.Below(2000), out _)),
            () =>
            {
                for (int i = 0; i < 6; i++)
                {
                    world.Free(ids[(3 * i) + 1]);
                    world.Load(ids[40], world.Stored[ids[40]]);
                }
            },
            () =>
            {
                world.Store.Room.StepAhead();
                world.Log.Cleaner.TryClean(StoreLevel.Normal);
                world.Log.Chunks.TryTrim();
                world.CleanOne();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoLogs = new("two logs share one budget and never exceed it", static run =>
    {
        var world = new World(run, poolBytes: 256 << 10);
        Assert.True(world.Store.TryAddLog(8192));
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), i % 2 == 0 ? 8000 : 4000, out SwapId id); i++)
        {
            ids.Add(id);
        }

        Audit.Check(world);
        run.Together(
            () => world.Free(ids[0], ids[2], ids[4], ids[1]),
            () => Repeat(3, () => world.TryPut(Contents.Noise(500), 4000, out _)),
            () => Repeat(3, () => world.TryPut(Contents.Noise(501), 8000, out _)));
        world.CheckAndClose();
    });

    internal static readonly Scenario SealedForAnotherLog = new("a segment that is freed as it is sealed may be another log's at once", static run =>
    {
        // Segments of one long page each, few of them; and many more of the short pages.
        var world = new World(run, poolBytes: 512 << 10);
        Assert.True(world.Store.TryAddLog(16 << 10));
        var stored = new Queue<SwapId>();
        for (int i = 0; i < 60; i++)
        {
            world.TryPut(Contents.Noise(i), 4000, out _);
        }

        run.Together(
            () => Repeat(5, () =>
            {
                if (world.TryPut(Contents.Noise(500), 16000, out SwapId id))
                {
                    stored.Enqueue(id);
                }
            }),
            () => Repeat(12, () =>
            {
                TestHook.Interleaver!.Yield();
                if (stored.TryDequeue(out SwapId id))
                {
                    world.Free(id);
                }
            }),
            () => Repeat(8, () => world.TryPut(Contents.Noise(501), 4000, out _)));
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralWriters = new("threads with a segment each append side by side", static run =>
    {
        var world = new World(run, poolBytes: 32 * 8192);
        SwapId[] ids = Fill(world, 12);
        run.Together(
            () => Repeat(3, () => world.Put(Contents.Noise(run.Dice.Below(50)), 600 + run.Dice.Below(2000))),
            () => Repeat(3, () => world.Put(Contents.Text(run.Dice.Below(50)), 600 + run.Dice.Below(3000))),
            () =>
            {
                world.Free(ids[0], ids[5], ids[9]);
                world.Log.Cleaner.TryClean(StoreLevel.Normal);
            });
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        LoadAndMove, LoadMoveFree, FreeAndMove, ReaderInADrainingSegment, IdReused, PatternReused, LastReference, StoresAndSeals, FullStore,
        StoreWhileDraining,
        StoreFreeClean, TwoLogs, SealedForAnotherLog, SeveralWriters,
    ];

    private static SwapId[] Fill(World world, int count)
    {
        var ids = new SwapId[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = world.Put(Contents.Noise(i), Eighth);
        }

        return ids;
    }

    private static bool TryAddReference(World world, SwapId id, StoredPage page)
    {
        try
        {
            world.Swap.AddReference(id);
        }
        catch (KeyNotFoundException)
        {
            return false;
        }

        page.References++;
        world.Stored[id] = page;
        return true;
    }

    /// <summary>The descriptor names a segment with a pin on it. Read without hooks, in the very step in which the reader goes in.</summary>
    private static void AssertHeld(SwapStore store, SwapId id)
    {
        var location = new Location(Internals.Table(store.Descriptors)[(uint)id.Value].Location);
        ulong word = store.Segments[location.Segment]->Word;
        Assert.True(SegmentWord.Pins(word) > 0, $"the page is in segment {location.Segment}, which is {SegmentWord.State(word)} and not pinned");
    }
}
#endif
