#if DEBUG
using Paging.Interop;
using static Paging.Tests.Protocol.ClosingScenarios;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Arrays over datasets: pages that are chunks, parts of a chunk, or several, in more files than are kept open; while others
/// evict, write, resize, clone and dispose, and files fail.</summary>
internal static class DatasetScenarios
{
    private const int PageLength = World.PageBytes / sizeof(long);

    private static readonly long[] s_salts =
        [
            Contents.Text(1), Contents.Noise(2), Contents.Zeroes, Contents.Noise(3), Contents.Text(4), Contents.SameFilled(5),
            Contents.Noise(6), Contents.Text(7)
        ];

    /// <summary>A page is a chunk, and each of them a file: twice as many as are kept open.</summary>
    private static readonly MemoryDataset.Shape s_pages = new(s_salts, PageLength, chunksPerShard: 1);

    /// <summary>Four pages are a chunk, and two of those a shard.</summary>
    private static readonly MemoryDataset.Shape s_large = new([.. s_salts, .. s_salts], 4 * PageLength, chunksPerShard: 2);

    /// <summary>A page is two chunks, in files of their own.</summary>
    private static readonly MemoryDataset.Shape s_small = new(s_salts, PageLength / 2, chunksPerShard: 0);

    /// <summary>A page is a chunk, and four of them a shard, which can be read at once.</summary>
    private static readonly MemoryDataset.Shape s_shards = new(s_salts, PageLength, chunksPerShard: 4);

    /// <summary>A page is a chunk, and two of them a shard.</summary>
    private static readonly MemoryDataset.Shape s_pairs = new([.. s_salts, .. s_salts], PageLength, chunksPerShard: 2);

    internal static readonly Scenario OneChunk = new(
        "pages of one chunk come, go and are written, and each is what the dataset says or was written", static run =>
        ComeAndGo(run, s_large, 0, 1, 3));

    internal static readonly Scenario SeveralChunks = new(
        "pages of several chunks, in more files than are kept open, come, go and are written", static run =>
    {
        var world = new World(run, frames: 6);
        var dataset = new MemoryDataset(s_pages, run.Seed, maxOpen: 1);
        Book book = world.Open(dataset);
        run.Together(
            () => Repeat(2, () => ReadAll(book, 0, 5)),
            () => ReadAll(book, 3, 8),
            () =>
            {
                book.Get(6, 1);
                book.Set(4, 0, 11);
                world.EvictAll();
                book.Get(4, 0);
                book.ReadLease(7);
            },
            () => Repeat(3, world.EvictAll));
        End(world, dataset);
        Assert.True(dataset.Opened >= 5);
    });

    internal static readonly Scenario FilesReplaced = new("a file that is found open is used or gone, when another one takes its place", static run =>
    {
        var world = new World(run, frames: 16);
        var dataset = new MemoryDataset(s_pairs, run.Seed, maxOpen: 1);
        Book book = world.Open(dataset);

        // As many files as are kept open. What is wanted then are other pages of theirs, and of more files.
        foreach (int page in (ReadOnlySpan<int>)[0, 3, 4, 6])
        {
            book.Get(page, 1);
        }

        Assert.Equal(4, dataset.Opened);
        run.Together(
            () => Get(7, 1),
            () => Get(5, 2),
            () => Get(8, 11),
            () => Get(12, 14));
        End(world, dataset);

        void Get(int first, int second)
        {
            book.Get(first, 1);
            book.Get(second, 1);
        }
    });

    internal static readonly Scenario PagesOfTwoChunks = new("pages of two chunks each come, go and are written", static run =>
        ComeAndGo(run, s_small, 0, 1, 4));

    internal static readonly Scenario OneReadForAll = new("threads that want the same page of a dataset open and read its file once", static run =>
    {
        var world = new World(run);
        var dataset = new MemoryDataset(s_pages, run.Seed);
        Book book = world.Open(dataset);
        run.Together(() => book.Get(1, 1), () => book.Copy(1), () => book.ReadLease(1));
        Assert.Equal(1, dataset.Opened);
        End(world, dataset);
    });

    internal static readonly Scenario Discarded = new("a discarded page of a dataset is as it was or zero, and zero in the end", static run =>
    {
        var world = new World(run);
        var dataset = new MemoryDataset(s_large, run.Seed);
        Book book = world.Open(dataset);
        run.Together(
            () =>
            {
                book.Discard(0);
                book.Overwrite(1, Contents.Noise(21));
                book.Discard(1);
            },
            () => Repeat(2, () =>
            {
                book.Get(0, 1);
                book.Copy(1);
                book.Get(3, 1);
            }),
            () => Repeat(2, world.EvictAll));
        Assert.Equal(0, book.Get(0, 1));
        Assert.Equal(0, book.Get(1, 1));
        End(world, dataset);
    });

    internal static readonly Scenario Resized = new("budgets move under pages of a dataset", static run =>
    {
        var world = new World(run, 8, 3 * World.SmallestPool);
        var dataset = new MemoryDataset(s_large, run.Seed);
        Book book = world.Open(dataset);
        run.Together(
            () => PressureScenarios.Wander(run, book, slot: 0, 5),
            () => PressureScenarios.Wander(run, book, slot: 1, 5),
            () =>
            {
                ResizeScenarios.Resize(world, 4, World.SmallestPool);
                ResizeScenarios.Resize(world, 8, 2 * World.SmallestPool);
            });
        End(world, dataset);
    });

    internal static readonly Scenario Cloned = new("a clone of a dataset is read, and the original written and disposed", static run =>
    {
        var world = new World(run, frames: 6);
        var dataset = new MemoryDataset(s_large, run.Seed);
        Book book = world.Open(dataset);
        book.Get(5, 1);
        run.Together(
            () =>
            {
                Book clone = world.Clone(book);
                ReadAll(clone, 0, 6);
                clone.Set(1, 0, 31);
            },
            () =>
            {
                book.Set(0, 0, 32);
                book.Set(5, 1, 33);
                book.Get(9, 1);
            },
            () => Repeat(2, world.EvictAll));
        Book second = world.Clone(book);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => ReadAll(second, 0, 10),
            () =>
            {
                UntilDisposed(() => book.Get(12, 1));
                world.EvictAll();
                second.Get(8, 1);
            });
        End(world, dataset);
    });

    internal static readonly Scenario Closed = new(
        "an array over a dataset is disposed while it is read, and its files closed once, behind the last read", static run =>
    {
        var world = new World(run);
        var dataset = new MemoryDataset(s_pages, run.Seed, maxOpen: 1);
        Book book = world.Open(dataset);
        run.Together(
            () => DisposeInTheEnd(run, book),
            () => UntilDisposed(() =>
            {
                book.Get(0, 1);
                book.Set(1, 0, 41);
                ReadAll(book, 3, 7);
            }),
            () =>
            {
                UntilDisposed(() => ReadAll(book, 0, 5));
                world.EvictAll();
                UntilDisposed(() => book.Discard(2));
            });
        End(world, dataset);
    });

    internal static readonly Scenario ReadAhead = FileScenarios.ReadAhead("shards", static world =>
    {
        var dataset = new MemoryDataset(s_shards, world.Run.Seed);
        Book book = world.Open(dataset);

        // Only of files that are open is anything read ahead.
        book.Get(0, 1);
        book.Get(7, 1);
        world.EvictAll();
        return (book, dataset, dataset.AssertClosed);
    });

    internal static readonly Scenario FailsForAWhile = new(
        "a chunk that cannot be read, in a file or for want of it, is an exception to all who want it, and there when it can", static run =>
    {
        var world = new World(run);
        var dataset = new MemoryDataset(s_large, run.Seed);
        Book book = world.Open(dataset);
        bool cannotOpen = run.Dice.Below(2) == 0;
        if (cannotOpen)
        {
            dataset.OpenErrorOf = static name => name == "c/1" ? Errno.EIO : 0;
        }
        else
        {
            dataset.ReadErrorOf = static (name, _) => name == "c/1" ? Errno.EIO : 0;
        }

        int failed = 0;
        run.Together(
            () => Try(8, () => book.Get(8, 1)),
            () =>
            {
                Try(9, () => book.WriteLease(9, 0, 71));
                book.Get(3, 1);
            },
            () =>
            {
                book.Get(0, 1);
                Try(15, () => book.Copy(15));
                world.EvictAll();
                Try(9, () => book.ReadSequence(7, 3), orBefore: true);
            });
        Assert.Equal(4, failed);
        dataset.OpenErrorOf = static _ => 0;
        dataset.ReadErrorOf = static (_, _) => 0;
        book.ReadSequence(7, 3);
        book.WriteLease(9, 0, 72);
        End(world, dataset);

        void Try(int page, Action access, bool orBefore = false)
        {
            PageCorruptedException e = Assert.Throws<PageCorruptedException>(access);
            Assert.InRange(e.PageIndex, orBefore ? page - 1 : page, page);
            failed++;
        }
    });

    internal static readonly Scenario KeptInThePool = new(
        "pages of a dataset are kept in the pool, dropped when others want the room, and decoded again", static run =>
    {
        var world = new World(run, frames: 6);
        var dataset = new MemoryDataset(s_small, run.Seed);
        Book book = world.Open(dataset);
        for (int times = 0; times < 2; times++)
        {
            for (int page = 0; page < 8; page++)
            {
                book.ReadLease(page);
                book.Evict(page);
            }
        }

        Book other = world.Allocate(8);
        run.Together(
            () => ReadAll(book, 0, 8),
            () =>
            {
                for (int page = 0; page < 8; page++)
                {
                    World.IgnoreFull(() => other.Overwrite(page, Contents.Noise(page + 60)));
                }
            },
            () => Repeat(2, world.EvictAll));
        End(world, dataset);
    });

    internal static IEnumerable<Scenario> All =>
    [
        OneChunk, SeveralChunks, FilesReplaced, PagesOfTwoChunks, OneReadForAll, Discarded, Resized, Cloned, Closed, ReadAhead,
        FailsForAWhile, KeptInThePool,
    ];

    private static void ComeAndGo(Run run, MemoryDataset.Shape shape, int first, int second, int third)
    {
        var world = new World(run);
        var dataset = new MemoryDataset(shape, run.Seed);
        Book book = world.Open(dataset);
        run.Together(
            () => Repeat(2, () =>
            {
                book.Get(first, 1);
                book.Set(second, 0, 11);
                book.Get(second, Book.Slots);
            }),
            () => Repeat(2, () =>
            {
                book.ReadLease(second);
                book.Copy(third);
                book.WriteLease(first, 1, 12);
            }),
            () => Repeat(2, () =>
            {
                book.Copy(2);
                book.ReadLease(third);
            }),
            () => Repeat(2, world.EvictAll));
        End(world, dataset);
    }

    private static void ReadAll(Book book, int first, int end)
    {
        for (int page = first; page < end; page++)
        {
            book.Get(page, 1);
            book.Get(page, PageLength - 1);
        }
    }

    private static void End(World world, MemoryDataset dataset)
    {
        world.CheckAndClose();
        dataset.AssertClosed();
    }
}
#endif
