#if DEBUG
using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using Paging.TestSeam;
using static Paging.Tests.Protocol.ClosingScenarios;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Clones: taken beside writers, evictors, movers and closers, and what they share written, freed and moved afterwards.</summary>
internal static class CloneScenarios
{
    private const long LargeFile = 64 * 12 * 4096;

    /// <summary>More pages than a granule that has no table may have.</summary>
    private const int Many = PageDirectory.MaxNodes + 3;

    internal static readonly Scenario BesideWriters = new("a clone is taken while pages are written, evicted and brought in", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        Book? clone = null;
        run.Together(
            () => clone = world.Clone(book),
            () => Repeat(2, () =>
            {
                book.Set(0, 0, 11);
                book.WriteLease(1, 1, 12);
                book.Set(2, 0, 13);
            }),
            () => Repeat(2, () =>
            {
                book.Evict(0);
                book.Evict(2);
                book.Get(1, 1);
            }));
        clone!.Set(0, 2, 14);
        book.Set(3, 2, 15);
        world.CheckAndClose();
    });

    internal static readonly Scenario BothSidesWritten = new("what both sides share is written on both", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        Book clone = world.Clone(book);
        run.Together(
            () =>
            {
                book.Set(0, 0, 21);
                book.WriteLease(1, 0, 22);
                book.Overwrite(3, Contents.Noise(23));
                book.Get(2, 1);
            },
            () =>
            {
                clone.Set(0, 0, 24);
                clone.Discard(1);
                clone.Set(2, 0, 25);
                clone.ReadLease(3);
            },
            () => Repeat(2, world.EvictAll));
        world.CheckAndClose();
    });

    internal static readonly Scenario CopyFreedAndReused = new(
        "a stored copy that is freed while it is shared is not taken for another page's", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        Book other = world.Allocate(1);
        book.Store(0, Contents.Noise(1));
        book.StoreAndLoad(1, Contents.Noise(2));
        other.Overwrite(0, Contents.Noise(3));
        run.Together(
            () => world.Clone(book),
            () =>
            {
                book.Set(1, 0, 31);
                other.Evict(0);
            },
            () => book.Set(0, 0, 32));
        world.CheckAndClose();
    });

    internal static readonly Scenario StoredInItsFrame = new(
        "a page that a clone has stored in its frame is not taken for what it was before", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(1);
        Book other = world.Allocate(1);
        book.StoreAndLoad(0, Contents.Noise(1));
        other.Overwrite(0, Contents.Noise(2));

        // The second time sets the reference bit: then the words differ in nothing but their version.
        book.ReadLease(0);
        ulong before = book.Word(0);

        // The evictor looks at the frame's record twice: for the page, and for its copy. Then it takes the page's word to be unchanged.
        run.Interleaver.Between(
            () => Assert.Equal(EvictOutcome.Busy, world.EvictFrame(book.Region.Frames, Internals.FrameOf(book.Region.Frames, before))),
            (SharedWord.FrameRecord, Nothing),
            (SharedWord.FrameRecord, Nothing),
            (SharedWord.Page, WriteAndStore));
        world.CheckAndClose();

        static void Nothing()
        {
        }

        // Another thread, as it were. The copy that is freed is another page's then.
        void WriteAndStore()
        {
            book.Set(0, 0, 41);
            other.Evict(0);
            world.Clone(book);
            Assert.False(book.IsDirty(0));
        }
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario Tables = new("a table is cloned while its pages are written, discarded and evicted", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(520);
        for (int page = 0; page < Many; page++)
        {
            book.Store(page, Contents.Text(page));
        }

        book.ReadLease(0);
        book.Overwrite(1, Contents.Noise(51));
        book.Store(515, Contents.Text(52));
        Book? clone = null;
        run.Together(
            () => clone = world.Clone(book),
            () =>
            {
                book.Set(0, 0, 53);
                book.Discard(3);
                book.Set(515, 0, 54);
                book.Set(600 - 100, 0, 55);
            },
            () =>
            {
                book.Get(2, 1);
                book.Evict(1);
                book.Discard(4);
            });
        clone!.Discard(5);
        clone.Set(6, 0, 56);
        world.CheckAndClose();
    });

    internal static readonly Scenario Sparse = new("pages that lie alone are cloned while they come, go and move into a table", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(1100);
        book.Store(3, Contents.Text(1));
        book.StoreAndLoad(600, Contents.Text(2));
        book.Overwrite(601, Contents.Text(3));
        run.Together(
            () => world.Clone(book),
            () =>
            {
                book.Discard(3);
                book.Set(601, 0, 61);
                book.Discard(600);
            },
            () =>
            {
                for (int page = 610; page < 610 + PageDirectory.MaxNodes; page++)
                {
                    book.Set(page, 0, page);
                }
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoClones = new("two clones and one of the first are taken while the original is written", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        run.Together(
            () => world.Clone(book),
            () =>
            {
                Book clone = world.Clone(book);
                Book second = world.Clone(clone);
                clone.Set(0, 0, 71);
                second.Set(0, 0, 72);
            },
            () =>
            {
                book.Set(2, 0, 73);
                world.EvictAll();
                book.Set(0, 1, 74);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario OriginalDisposed = new("the original is disposed while it is cloned", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() => world.Clone(book).Set(0, 0, 81)),
            () =>
            {
                UntilDisposed(() => book.Set(2, 0, 82));
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TableDisposed = new("an array with a table is disposed while it is cloned", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(514);
        for (int page = 0; page < Many; page++)
        {
            book.Store(page, Contents.Text(page));
        }

        book.Overwrite(513, Contents.Text(85));
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() => world.Clone(book)));
        world.CheckAndClose();
    });

    internal static readonly Scenario OneSideDisposed = new("one side is disposed while the other is used and cloned again", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        Book clone = world.Clone(book);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () =>
            {
                clone.Get(0, 1);
                clone.Set(1, 0, 91);
                world.Clone(clone);
            },
            () =>
            {
                world.EvictAll();
                clone.Copy(2);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario PagerDisposed = new("the pager is disposed while an array is cloned", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(514);
        for (int page = 0; page < Many; page++)
        {
            book.Store(page, Contents.Text(page));
        }

        book.Overwrite(1, Contents.Text(100));
        book.Overwrite(513, Contents.Text(101));
        run.Together(
            () => ClosePager(run, world),
            () => UntilDisposed(() => world.Clone(book)),
            () => UntilDisposed(() => book.Set(0, 0, 102)));
        Assert.Throws<ObjectDisposedException>(() => book.Array.Clone());
    });

    internal static readonly Scenario SmallPagerDisposed = new("the pager is disposed while a small array is cloned", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        run.Together(
            () => ClosePager(run, world),
            () => UntilDisposed(() => world.Clone(book)),
            () => UntilDisposed(() => book.WriteLease(2, 0, 105)));
    });

    internal static readonly Scenario MovedAndFreed = new("what two arrays share is moved, compressed anew, read and freed by both", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        for (int page = 0; page < book.Pages; page++)
        {
            book.Store(page, Contents.HalfNibbles(page + 1));
        }

        Book clone = world.Clone(book);
        world.GrowCold();
        run.Together(
            () =>
            {
                book.Discard(0);
                clone.Discard(0);
                book.Discard(1);
                book.Set(2, 0, 111);
            },
            () =>
            {
                clone.Copy(1);
                clone.Discard(2);
                clone.Set(3, 0, 112);
            },
            () =>
            {
                world.CleanOne();
                world.RecompressAll();
                world.CleanOne();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario InAFile = new("pages in a file are cloned, read and written by both while the file is removed", static run =>
    {
        var world = new World(run);
        MemoryDevice device = world.AddFile(LargeFile, delays: false);
        Book book = world.Allocate(9);
        for (int page = 0; page < book.Pages; page++)
        {
            book.Store(page, Contents.Noise(page));
        }

        world.WriteAll();
        device.DelaysCompletion = true;
        FileScenarios.With(device, run,
            () =>
            {
                Book clone = world.Clone(book);
                clone.Set(0, 0, 121);
                clone.Copy(1);
            },
            () =>
            {
                book.Set(1, 0, 122);
                book.Discard(2);
                world.EvictAll();
            },
            () => RemoveIfThereIsRoom(world));
        world.AwaitWrites();
        world.CheckAndClose();
    });

    internal static readonly Scenario Mapped = new(
        "a mapped array is cloned while its pages come, go and are written, and outlives the original", static run =>
    {
        var world = new World(run);
        Book book = world.Map([Contents.Text(1), Contents.Noise(2), Contents.Zeroes, Contents.Text(4)], out MemorySource source);
        book.Set(1, 0, 131);
        book.Get(0, 1);
        Book? clone = null;
        run.Together(
            () =>
            {
                UntilDisposed(() => clone = world.Clone(book));
                clone?.Set(0, 0, 132);
                clone?.Copy(3);
            },
            () =>
            {
                book.Discard(3);
                book.Set(0, 1, 133);
                DisposeInTheEnd(run, book);
            },
            () => Repeat(2, world.EvictAll));
        Assert.Equal(clone is null ? 1 : 0, source.Closed);
        clone?.CheckAll();
        clone?.Array.Dispose();
        Assert.Equal(1, source.Closed);
        world.CheckAndClose();
    });

    internal static readonly Scenario TooManyReferences = new("a page with as many references as there can be is copied", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        world.Store.Descriptors.MaxReferences = 2;
        world.Clone(book);
        run.Together(
            () => world.Clone(book),
            () =>
            {
                world.EvictAll();
                book.Set(0, 0, 141);
            },
            () => book.ReadLease(3));
        world.CheckAndClose();
    });

    internal static readonly Scenario AtTheBrim = new("a clone that finds no room leaves nothing behind", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(40);
        int written = 0;
        while (written < book.Pages && book.TryOverwrite(written, Contents.Noise(written)))
        {
            written++;
        }

        Assert.InRange(written, World.SmallestFrames, book.Pages - 1);
        run.Together(
            () => CloneIfThereIsRoom(world, book),
            () => CloneIfThereIsRoom(world, book),
            () =>
            {
                for (int page = 0; page < written; page++)
                {
                    book.Get(page, 1);
                }
            });
        for (int page = 0; page < written; page++)
        {
            book.Get(page, 2);
        }

        world.CheckAndClose();
    });

    internal static readonly Scenario LeasesOut = new("pages under leases are cloned, those that are written as a copy", static run =>
    {
        var world = new World(run);
        Book book = Mixed(world);
        run.Together(
            () => world.Clone(book),
            () => Repeat(2, () => book.WriteLease(0, 0, 151)),
            () => Repeat(2, () => book.ReadLease(2)));
        world.CheckAndClose();
    });

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        BesideWriters, BothSidesWritten, CopyFreedAndReused, StoredInItsFrame, Tables, Sparse, TwoClones, OriginalDisposed, TableDisposed,
        OneSideDisposed, PagerDisposed, SmallPagerDisposed, MovedAndFreed, InAFile, Mapped, TooManyReferences, AtTheBrim, LeasesOut,
    ];

    /// <summary>One page that is stored, one resident with a stored copy, one dirty, one of one value and one untouched.</summary>
    private static Book Mixed(World world)
    {
        Book book = world.Allocate(5);
        book.Store(0, Contents.Noise(1));
        book.StoreAndLoad(1, Contents.Text(2));
        book.Overwrite(2, Contents.Text(3));
        book.Fill(3, 4);
        return book;
    }

    private static void RemoveIfThereIsRoom(World world)
    {
        try
        {
            world.RemoveFile();
        }
        catch (OutOfPagingSpaceException)
        {
        }
    }

    private static void CloneIfThereIsRoom(World world, Book book)
    {
        try
        {
            world.Clone(book);
        }
        catch (OutOfPagingSpaceException)
        {
        }
    }
}
#endif
