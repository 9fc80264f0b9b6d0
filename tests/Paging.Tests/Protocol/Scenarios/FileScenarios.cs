#if DEBUG
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using Paging.TestSeam;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Swap files: writing out, reading back, cleaning, swapoff, and a device that takes its time. One thread of each scenario is the
/// device: it completes what was submitted, one transfer at a time, when its turn comes.</summary>
internal static unsafe class FileScenarios
{
    private const int Eighth = 1000;
    private const int SegmentOfTwo = 3 * 4096;
    private const long SmallFile = 8 * 12 * 4096;
    private const long LargeFile = 64 * 12 * 4096;

    internal static readonly Scenario WriteAndLoad = new("a page is read from memory while it is written, and from the file afterwards", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        SwapId[] ids = Fill(world, 8);
        StoredPage first = world.Stored[ids[0]], last = world.Stored[ids[^1]];
        run.Interleaver.Probe = word =>
        {
            if (word == SharedWord.PageData)
            {
                AssertHeldAll(world.Store);
            }
        };
        With(device, run,
            () => Repeat(3, () => world.Load(ids[0], first)),
            () => Repeat(2, () => world.WriteOne()),
            () =>
            {
                world.Load(ids[^1], last);
                world.Put(Contents.Noise(40));
                world.Load(ids[0], first);
            });
        run.Interleaver.Probe = null;
        world.CheckAndClose();
    });

    internal static readonly Scenario WriteAndFree = new(
        "what is freed while its segment is written is counted out once, on the right side", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        SwapId[] ids = Fill(world, 8);
        With(device, run,
            () => world.Free(ids[0], ids[1], ids[2]),
            () => Repeat(2, () => world.WriteOne()),
            () => world.Free(ids[5], ids[3]));
        world.CheckAndClose();
    });

    internal static readonly Scenario WriteAndEmpty = new("a segment emptied while it is written gives its memory and its slot back", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(SmallFile, delays: true);
        SwapId one = world.Put(Contents.Noise(1)), two = world.Put(Contents.Noise(2)), three = world.Put(Contents.Noise(3));
        StoredPage page = world.Stored[two];
        With(device, run,
            () => Repeat(3, () => world.WriteOne()),
            () =>
            {
                world.Free(one);
                world.Put(Contents.Noise(4));
                world.Put(Contents.Noise(5));
            },
            () =>
            {
                world.Load(two, page);
                world.Free(two);
                world.Put(Contents.Noise(6));
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario WriteAndClean = new("the cleaner and the writer at one segment leave it in one place", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        SwapId[] ids = Fill(world, 9);
        StoredPage page = world.Stored[ids[3]];
        world.Free(ids[0]);
        With(device, run,
            () => Repeat(2, () => world.CleanOne()),
            () => Repeat(2, () => world.WriteOne()),
            () =>
            {
                world.Load(ids[3], page);
                world.Free(ids[4]);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario FullPoolWithFile = new(
        "a full pool makes room by writing, and refuses nothing while the file has room", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        int stored = 0;
        for (; stored < 9; stored++)
        {
            world.Put(Contents.Noise(stored));
        }

        With(device, run,
            () => PutSome(world, 100, 4),
            () => PutSome(world, 200, 4),
            () => Repeat(2, () => world.Domain.Step()));
        world.CheckAndClose();
    });

    internal static readonly Scenario FullPoolAndFile = new(
        "when pool and file are full that is said, and all that is stored can be read", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(SmallFile, delays: true);
        int refused = 0;
        With(device, run,
            () => PutUntilFull(world, 1000, ref refused),
            () => PutUntilFull(world, 2000, ref refused),
            () => PutUntilFull(world, 3000, ref refused));
        Assert.Equal(3, refused);
        SwapId any = world.Stored.Keys.First();
        world.Free(any);
        world.CheckAndClose();
    });

    /// <summary>Takes more seeds than the others: see <see cref="RoomScenarioTests"/>.</summary>
    internal static readonly Scenario RoomAmongOthers = new(
        "what fits is not refused because other threads hold for a moment what makes room", static run =>
    {
        // Segments of two pages, so that much can be dead of a file that is full.
        const int Segments = 72, Slots = 18;
        var world = new World(run, poolBytes: Segments * (SegmentOfTwo + Segment.Size));
        Assert.Equal(SegmentOfTwo, world.Log.SegmentBytes);
        MemoryDevice device = world.AddFile(Slots * SegmentOfTwo, delays: true);
        device.DelaysCompletion = false;
        List<SwapId> ids = [];
        while (world.TryPut(ids.Count, World.PageBytes, out SwapId id))
        {
            ids.Add(id);
        }

        // Every second page goes. In the pool only of some segments, so that the cleaner has something to move.
        bool isOther = false;
        foreach (SwapId id in ids)
        {
            int segment = world.Store.Descriptors.Locate((uint)id.Value).Segment;
            bool isInPool = Internals.State(world.Store.Segments, segment) != SegmentState.OnFile;
            if ((!isInPool || segment % 16 == 0) && (isOther = !isOther))
            {
                world.Free(id);
            }
        }

        device.DelaysCompletion = true;
        With(device, run,
            () => PutSome(world, 1000, 7),
            () => PutSome(world, 2000, 7),
            () => Repeat(24, () => world.CleanOne()),
            () => Repeat(24, () => world.Store.Cancel(world.Store.Prepare(World.PageBytes, StoreLevel.LastResort, isPublic: false))));
        world.CheckAndClose();
    });

    internal static readonly Scenario WokenByAnother = new(
        "a page is not refused because another thread ends the rest of a file that it has passed over", static run =>
    {
        var world = new World(run);
        int count = 0;
        while (world.TryPut(count, World.PageBytes, out _))
        {
            count++;
        }

        MemoryDevice device = world.AddFile(LargeFile, delays: false);
        Internals.Rest(world.File!.Area).Begin();
        With(device, run, Prepare, Prepare, Prepare);
        world.CheckAndClose();

        // As an eviction does. A program's store would try again by itself, because budgets might move.
        void Prepare()
        {
            StoreTicket ticket = world.Store.Prepare(World.PageBytes, StoreLevel.Normal, isPublic: false);
            Assert.NotNull(ticket.Writer);
            world.Store.Cancel(ticket);
        }
    });

    internal static readonly Scenario CleanFile = new("the entries of a segment in a file are moved while they are read and freed", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: false);
        SwapId[] ids = Fill(world, 8);
        int segment = world.WriteAll();
        StoredPage page = world.Stored[ids[1]];
        With(device, run,
            () =>
            {
                world.Store.Swapoff.TryEmpty(segment);
                world.Store.FileCleaner.TryEmpty(segment, StoreLevel.Cleaner);
            },
            () => Repeat(3, () => world.Load(ids[1], page, mayBeGone: true)),
            () =>
            {
                world.Free(ids[0]);
                world.Free(ids[1]);
                world.Free(ids[2], ids[3]);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario ReaderOfAFreedSlot = new("a slot is used again only when its last reader has left", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(2 * 12 * 4096, delays: false);
        SwapId id = world.Put(Contents.Noise(1));
        world.Put(Contents.Noise(2));
        world.WriteAll();
        StoredPage page = world.Stored[id];
        With(device, run,
            () => Repeat(2, () => world.Load(id, page, mayBeGone: true)),
            () =>
            {
                world.Free(id);
                world.Put(Contents.Noise(3));
                world.Put(Contents.Noise(4));
                world.WriteOne();
                world.WriteOne();
            },
            () => world.Load(id, page, mayBeGone: true));
        world.CheckAndClose();
    });

    internal static readonly Scenario SwapOff = new("swapoff moves everything while it is read, freed and stored", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        device.DelaysCompletion = false;
        SwapId[] ids = Fill(world, 8);
        world.WriteAll();
        device.DelaysCompletion = true;
        StoredPage page = world.Stored[ids[2]];
        SwapFile file = world.File!;
        With(device, run,
            () =>
            {
                Assert.True(file.Area.TryBeginRemoval(out AreaState before));
                world.Domain.SwapFiles.Remove(file.Area, file.Path, before, CancellationToken.None);
                Assert.False(world.Store.Files.IsAny);
            },
            () => Repeat(2, () => world.Load(ids[2], page)),
            () =>
            {
                world.WriteOne();
                world.Free(ids[0], ids[1]);
                world.Put(Contents.Noise(70), Eighth);
                world.WriteOne();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario SwapOffRefused = new("a file whose pages fit nowhere else stays in use", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: false);
        for (int i = 0; i < 24; i++)
        {
            world.Put(Contents.Noise(i));
        }

        (SwapId id, StoredPage page) = world.Stored.First();
        SwapFile file = world.File!;
        With(device, run,
            () =>
            {
                Assert.True(file.Area.TryBeginRemoval(out AreaState before));
                Assert.Throws<OutOfPagingSpaceException>(() => world.Domain.SwapFiles.Remove(file.Area, file.Path, before, CancellationToken.None));
                Assert.Equal(AreaState.InUse, file.Area.State);
            },
            () => Repeat(2, () => world.Load(id, page)));
        world.Put(Contents.Noise(30));
        world.CheckAndClose();
    });

    internal static readonly Scenario FailedWrites = new("a failed write loses nothing, and its slot is not used again", static run =>
    {
        var world = new World(run);
        var device = new MemoryDevice(LargeFile, run.Seed);
        var faulty = new FaultyDevice(device, run.Seed);
        world.AddFile(faulty);
        SwapId[] ids = Fill(world, 8);
        StoredPage page = world.Stored[ids[5]];
        faulty.Plan[0] = Fault.InputOutputError;
        faulty.Plan[2] = Fault.NoSpace;
        run.Together(
            () => Repeat(3, () => world.WriteOne()),
            () => world.Free(ids[0], ids[1]),
            () => PutSome(world, 300, 5));
        faulty.Plan.Clear();
        world.Load(ids[5], page);
        world.CheckAndClose();
    });

    internal static readonly Scenario ArraysWithFile = new(
        "pages of arrays go to the file and come back, and the wanted ones stay in the pool", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        device.DelaysCompletion = false;
        Book book = world.Allocate(16);
        for (int i = 0; i < 16; i++)
        {
            book.Overwrite(i, Contents.Noise(i));
        }

        device.DelaysCompletion = true;
        With(device, run,
            () =>
            {
                book.ReadLease(0);
                book.ReadLease(1);
                book.Set(2, 0, 21);
                book.ReadLease(0);
            },
            () =>
            {
                book.Get(1, 1);
                book.Get(0, 1);
                book.Overwrite(3, Contents.Noise(50));
                book.Get(1, 7);
            },
            () =>
            {
                book.Discard(4);
                world.EvictAll();
                world.Domain.Step();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario DiscardInARow = new(
        "pages dropped in a row are counted out where they are, while they are cleaned, written, moved off a file and compressed again", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        device.DelaysCompletion = false;
        Book book = world.Allocate(12), other = world.Allocate(4);
        for (int i = 0; i < 12; i++)
        {
            book.Overwrite(i, i % 4 == 3 ? Contents.Text(i) : Contents.Noise(i));
        }

        for (int i = 0; i < 4; i++)
        {
            other.Overwrite(i, Contents.Noise(20 + i));
        }

        world.EvictAll();
        int segment = world.WriteAll();
        for (int i = 0; i < 4; i++)
        {
            // Beside those in the file, some in the pool.
            book.Overwrite(i, Contents.Noise(40 + i));
        }

        world.EvictAll();
        device.DelaysCompletion = true;
        With(device, run,
            () => book.DiscardAll(),
            () =>
            {
                world.WriteOne();
                world.CleanOne();
                world.RecompressAll();
                world.WriteOne();
            },
            () =>
            {
                world.Store.Swapoff.TryEmpty(segment);
                other.Get(0, 1);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeInARow = new("an array is disposed whose pages are being cleaned and written", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        device.DelaysCompletion = false;
        Book book = world.Allocate(8), other = world.Allocate(4);
        for (int i = 0; i < 8; i++)
        {
            book.Overwrite(i, Contents.Noise(i));
            other.Overwrite(i % 4, Contents.Noise(20 + i));
        }

        world.EvictAll();
        device.DelaysCompletion = true;
        With(device, run,
            () => book.Array.Dispose(),
            () => Repeat(2, () =>
            {
                world.WriteOne();
                world.CleanOne();
            }),
            () =>
            {
                other.Get(0, 1);
                other.Discard(1);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario LoadBehindASlowReader = new(
        "a page is not called damaged because a reader keeps its segment's memory for long", static run =>
    {
        var world = new World(run);
        world.AddFile(LargeFile, delays: false);
        SwapId[] ids = Fill(world, 8);
        StoredPage page = world.Stored[ids[0]];
        int segment = world.Store.Descriptors.Locate((uint)ids[0].Value).Segment;
        run.Together(
            () =>
            {
                Assert.True(world.Store.Segments.TryPin(segment, out _));
                world.WriteOne();
                Repeat(400, () => run.Interleaver.Yield());
                world.Store.Segments.Unpin(segment);
            },
            () => Repeat(2, () => world.Load(ids[0], page)));
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeWhileWriting = new("the pager is disposed while segments are written", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: true);
        Fill(world, 8);
        run.Together(
            () => UntilDisposed(() => Repeat(3, () =>
            {
                world.Put(Contents.Noise(9));
                world.WriteOneUnlessDisposed();
            })),
            () =>
            {
                world.Pager.Dispose();
            },
            () => Repeat(6, () => device.CompleteOne()));
        Assert.Equal(0, device.PendingCount);
    });

    internal static IEnumerable<Scenario> All =>
    [
        WriteAndLoad, WriteAndFree, WriteAndEmpty, WriteAndClean, FullPoolWithFile, FullPoolAndFile, CleanFile, ReaderOfAFreedSlot, SwapOff,
        SwapOffRefused, FailedWrites, ArraysWithFile, DiscardInARow, DisposeInARow, LoadBehindASlowReader, DisposeWhileWriting,
        WokenByAnother,
    ];

    /// <summary>Runs the actions beside one thread more, the disk, which completes what they submit until they are through and nothing is
    /// left. From then on nothing is held back.</summary>
    internal static void With(IDelayedTransfers disk, Run run, params ReadOnlySpan<Action> actions)
    {
        int left = actions.Length;
        var all = new Action[actions.Length + 1];
        for (int i = 0; i < actions.Length; i++)
        {
            Action action = actions[i];
            all[i] = () =>
            {
                try
                {
                    action();
                }
                finally
                {
                    left--;
                }
            };
        }

        all[^1] = () =>
        {
            while (left > 0 || disk.PendingCount > 0)
            {
                if (!disk.CompleteOne())
                {
                    run.Interleaver.Yield();
                }
            }
        };
        run.Together(all);
        disk.DelaysCompletion = false;
    }

    /// <summary>Pages that come from files are prefetched while they are written, discarded and evicted.</summary>
    /// <param name="files">What they are in: a word or two for the scenario's name.</param>
    /// <param name="open">Makes the array; with what it is read from, and an assertion that holds when the world is closed.</param>
    internal static Scenario ReadAhead(string files, Func<World, (Book Book, IDelayedTransfers Disk, Action AssertClosed)> open) =>
        new($"pages of {files} are read ahead while they are written, discarded and evicted", run =>
        {
            var world = new World(run, frames: 6);
            (Book book, IDelayedTransfers disk, Action assertClosed) = open(world);
            WithPrefetch(
                disk,
                run,
                world,
                book,
                begin =>
                {
                    begin();
                    book.Get(0, 1);
                    world.EvictAll();
                },
                () =>
                {
                    book.Set(1, 0, 51);
                    book.Discard(3);
                    book.Evict(1);
                    book.Overwrite(4, Contents.Noise(52));
                    book.Copy(book.Pages - 2);
                });
            world.CheckAndClose();
            assertClosed();
        });

    /// <summary>All of an array is prefetched from a disk, by a thread that steps, beside what others do to its pages.</summary>
    /// <param name="disk">What its pages are on.</param>
    /// <param name="run">The run.</param>
    /// <param name="world">The world.</param>
    /// <param name="book">The array.</param>
    /// <param name="first">What the thread does that begins the prefetch, by what it is given.</param>
    /// <param name="others">What another thread does.</param>
    internal static void WithPrefetch(IDelayedTransfers disk, Run run, World world, Book book, Action<Action> first, Action others)
    {
        disk.DelaysCompletion = true;
        Pending? task = null;
        With(disk, run,
            () => first(() => task = new Pending(book.Array.PrefetchAsync(0, book.Array.Length))),
            () => Repeat(4, () => world.Domain.Step()),
            others);
        while (task is { IsCompleted: false })
        {
            world.Domain.Step();
        }
    }

    private static SwapId[] Fill(World world, int count)
    {
        var ids = new SwapId[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = world.Put(Contents.Noise(i), Eighth);
        }

        // The segment is sealed when the next page does not fit any more.
        world.Put(Contents.Noise(count));
        return ids;
    }

    private static void PutSome(World world, int salt, int count)
    {
        for (int i = 0; i < count; i++)
        {
            world.Put(Contents.Noise(salt + i));
        }
    }

    private static void PutUntilFull(World world, int salt, ref int refused)
    {
        for (int i = 0; i < 100; i++)
        {
            if (!world.TryPut(Contents.Noise(salt + i), World.PageBytes, out _))
            {
                refused++;
                return;
            }
        }
    }

    private static void UntilDisposed(Action action)
    {
        try
        {
            action();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <summary>Whoever touches a page's bytes has pinned or claimed a segment.</summary>
    private static void AssertHeldAll(SwapStore store)
    {
        bool any = false;
        for (int i = 0; i < store.Segments.End; i++)
        {
            any |= SegmentWord.Pins(store.Segments[i]->Word) > 0;
        }

        Assert.True(any, "bytes are read, and no segment is pinned");
    }
}
#endif
