#if DEBUG
using Paging.Residency;

namespace Paging.Tests.Protocol;

/// <summary>More threads than frames: who finds all of them leased waits for a lease to end, as long as leases do.</summary>
internal static class WaitingScenarios
{
    internal static readonly Scenario LeasesEnd = new("whoever waits for a lease to end is woken by its end, and is never refused", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        for (int page = 0; page < 4; page++)
        {
            book.Store(page, Contents.Text(page));
        }

        using (ReadLease<long> first = book.Array.Read(6 * 512), second = book.Array.Read(7 * 512))
        {
            run.Together(() => Hold(run, book, 0, 3), () => Hold(run, book, 1, 3), () => Hold(run, book, 2, 3), () => Write(run, book, 3, 3));
        }

        Assert.Equal(0, run.Interleaver.Overslept);
        world.CheckAndClose();
    });

    internal static readonly Scenario OneFrame = new("threads that share one frame get it by turns", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        using (ReadLease<long> first = book.Array.Read(5 * 512), second = book.Array.Read(6 * 512), third = book.Array.Read(7 * 512))
        {
            run.Together(() => Hold(run, book, 0, 4), () => Hold(run, book, 1, 4), () => Hold(run, book, 0, 4));
        }

        Assert.Equal(0, run.Interleaver.Overslept);
        world.CheckAndClose();
    });

    internal static readonly Scenario OneEach = new(
        "threads that hold a lease each and want one more are refused rather than wait for each other", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        run.Together(() => Two(0), () => Two(2), () => Two(4), () => Two(6));
        Assert.Equal(0, run.Interleaver.Overslept);
        world.CheckAndClose();

        void Two(int page)
        {
            using ReadLease<long> first = book.Array.Read(page * 512L);
            run.Step();
            try
            {
                using ReadLease<long> second = book.Array.Read((page + 1) * 512L);
                run.Step();
            }
            catch (OutOfPagingSpaceException e)
            {
                Assert.Contains("pinned by a lease", e.Message, StringComparison.Ordinal);
                Assert.InRange(e.Statistics.Pins, 1, 8);
            }
        }
    });

    internal static readonly Scenario WriterAtTheBrim = new("a write whose last clean frames are leased by another waits for them", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int stored = 0;
        for (; book.TryOverwrite(stored, Contents.Noise(stored)) && book.Evict(stored) == EvictOutcome.Freed; stored++)
        {
        }

        // The last one stayed in its frame, dirty: of the other three one more may be.
        book.Set(20, 0, 1);
        book.ReadLease(0);
        book.ReadLease(1);
        run.Together(
            () => Hold(run, book, 0, 2),
            () => Hold(run, book, 1, 2),
            () => book.Set(21, 0, 41));
        world.CheckAndClose();
    });

    internal static readonly Scenario DisposeAgainstWaiters = new("whoever waits when the array goes is told that it is disposed", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(5);
        Book held = world.Allocate(4);
        using (ReadLease<long> a = held.Array.Read(0), b = held.Array.Read(512), c = held.Array.Read(1024), d = held.Array.Read(1536))
        {
            run.Together(
                () => Refused(() => book.Get(4, 1)),
                () => Refused(() => book.ReadLease(3)),
                () => book.Array.Dispose());
        }

        world.CheckAndClose();

        static void Refused(Action access)
        {
            try
            {
                access();
            }
            catch (Exception e) when (e is OutOfPagingSpaceException or ObjectDisposedException)
            {
            }
        }
    });

    internal static readonly Scenario SizesShareFrames = new(
        "a page size gets its frames from another whose pages are dirty, through a file", static run =>
    {
        var world = new World(run, frames: 16, poolBytes: 512 << 10);
        world.AddFile(4 << 20, delays: false);
        Book small = world.Allocate(40);
        Book large = world.Allocate(8, 4 * World.PageBytes);
        for (int page = 0; page < 30; page++)
        {
            small.Overwrite(page, Contents.Noise(page));
        }

        run.Together(
            () => Overwrite(small, 0, 12),
            () => Overwrite(small, 20, 32),
            () =>
            {
                for (int page = 0; page < 6; page++)
                {
                    large.Set(page, 1, page + 70);
                }
            });
        world.CheckAndClose();

        static void Overwrite(Book book, int first, int end)
        {
            for (int page = first; page < end; page++)
            {
                book.Overwrite(page, Contents.Noise(200 + page));
            }
        }
    })
    {
        MostSeeds = 100,
    };

    internal static readonly Scenario SeveralEach = new(
        "threads that want several pages at once, and have frames for one of them, all get them by turns", static run =>
    {
        var world = new World(run);
        Book book = Stored(world, 8);
        run.Together(
            () => Sequences(book, 0, 3, 2),
            () => Sequences(book, 4, 3, 2),
            () => Sequences(book, 1, 4, 2),
            () => Hold(run, book, 7, 4));
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralOfTwoSizes = new(
        "threads that want several pages of two sizes, out of the same memory, all get them", static run =>
    {
        var world = new World(run, frames: 16, poolBytes: 512 << 10);
        Book small = Stored(world, 16);
        Book large = Stored(world, 4, 4 * World.PageBytes);
        run.Together(
            () => Sequences(small, 0, 10, 2),
            () => Sequences(large, 0, 3, 2),
            () => Sequences(large, 1, 2, 2),
            () => Hold(run, small, 12, 3));
        world.CheckAndClose();
    })
    {
        MostSeeds = 250,
    };

    internal static readonly Scenario SeveralWritten = new(
        "pages that are wanted together are written, discarded and evicted by others", static run =>
    {
        var world = new World(run);
        Book book = Stored(world, 8);
        run.Together(
            () => Sequences(book, 0, 4, 2),
            () => Sequences(book, 2, 3, 2),
            () =>
            {
                Write(run, book, 1, 2);
                book.WriteLease(3, 0, 71);
                book.Overwrite(5, Contents.Noise(72));
            },
            () =>
            {
                world.EvictAll();
                book.Discard(7);
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralAndOneMore = new(
        "whoever reads one page more beside several of its own is let pass by who waits for these", static run =>
    {
        var world = new World(run);
        Book book = Stored(world, 8);
        run.Together(
            () =>
            {
                using PagedSequence<long> own = book.Array.ReadSequence(0, 2 * 512);
                run.Step();
                book.Get(6, 1);
                run.Step();
                book.Get(7, 1);
            },
            () => Sequences(book, 3, 3, 1),
            () => Sequences(book, 2, 4, 1));
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralAndResize = new(
        "budgets shrink while several pages at once are wanted, and neither waits for the other", static run =>
    {
        var world = new World(run, 8, 2 * World.SmallestPool);
        Book book = Stored(world, 12);
        run.Together(
            () => Sequences(book, 0, 4, 2),
            () => Sequences(book, 5, 4, 2),
            () => Sequences(book, 3, 4, 2),
            () =>
            {
                ResizeScenarios.Resize(world, 5, World.SmallestPool);
                ResizeScenarios.Resize(world, 8, 2 * World.SmallestPool);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario SeveralAndDispose = new(
        "whoever waits for several pages when the array goes is told that it is disposed", static run =>
    {
        var world = new World(run);
        Book book = Stored(world, 8);
        run.Together(
            () => ClosingScenarios.UntilDisposed(() => Sequences(book, 0, 3, 2)),
            () => ClosingScenarios.UntilDisposed(() => Sequences(book, 4, 3, 2)),
            () => ClosingScenarios.UntilDisposed(() => Sequences(book, 2, 3, 2)),
            () =>
            {
                for (int i = 0; i < 20 && !ClosingScenarios.TryDispose(book); i++)
                {
                    run.Step();
                }
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario ClonesOfPinned = new(
        "clones copy pages that are leased, two at a time, and each gets the frame that it needs", static run =>
    {
        var world = new World(run);
        Book book = Stored(world, 6);
        Book other = Stored(world, 6);
        run.Together(
            () => world.Clone(book),
            () => world.Clone(other),
            () => Leased(book),
            () => Leased(other));
        world.CheckAndClose();

        void Leased(Book one)
        {
            for (int page = 0; page < 2; page++)
            {
                one.WriteLease(page, 0, 80 + page);
            }
        }
    });

    internal static IEnumerable<Scenario> All =>
    [
        LeasesEnd, OneFrame, OneEach, WriterAtTheBrim, DisposeAgainstWaiters, SizesShareFrames,
        SeveralEach, SeveralOfTwoSizes, SeveralWritten, SeveralAndOneMore, SeveralAndResize, SeveralAndDispose, ClonesOfPinned,
    ];

    private static Book Stored(World world, int pages, int pageBytes = World.PageBytes)
    {
        Book book = world.Allocate(pages, pageBytes);
        for (int page = 0; page < pages; page++)
        {
            book.Store(page, Contents.Text(page + 1));
        }

        return book;
    }

    private static void Sequences(Book book, int page, int pages, int times)
    {
        for (int i = 0; i < times; i++)
        {
            book.ReadSequence(page, pages);
        }
    }

    private static void Hold(Run run, Book book, int page, int times)
    {
        for (int i = 0; i < times; i++)
        {
            using ReadLease<long> lease = book.Array.Read(page * 512L);
            run.Step();
        }
    }

    private static void Write(Run run, Book book, int page, int times)
    {
        for (int i = 0; i < times; i++)
        {
            book.Set(page, i, 60 + i);
            run.Step();
        }
    }
}
#endif
