#if DEBUG
using Paging.Residency;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Few frames, a full pool, pages of two sizes, background steps.</summary>
internal static class PressureScenarios
{
    internal static readonly Scenario FullOnlyWhenTrue = new("a frame that is on its way is waited for, and not called missing", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(5);
        book.Store(3, Contents.Text(3));
        book.Store(4, Contents.Text(4));
        book.StoreAndLoad(0, Contents.Text(1));
        using (ReadLease<long> first = book.Array.Read(0), second = book.Array.Read(512), third = book.Array.Read(1024))
        {
            run.Together(
                () => Repeat(4, () => world.EvictAll()),
                () =>
                {
                    book.Get(3, 8);
                    book.Set(4, 0, 11);
                    book.Get(3, 8);
                    book.Set(3, 0, 12);
                });
        }

        world.CheckAndClose();
    });

    internal static readonly Scenario FullWhenTrue = new(
        "full is said when every frame is leased, and all goes on when one is given back", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(6);
        book.Store(4, Contents.Text(1));
        book.Store(5, Contents.Text(2));
        Book other = world.Allocate(4);
        using (ReadLease<long> first = other.Array.Read(0), second = other.Array.Read(512),
            third = other.Array.Read(1024), fourth = other.Array.Read(1536))
        {
            run.Together(
                () => Assert.Throws<OutOfPagingSpaceException>(() => book.Get(4, 1)),
                () => Assert.Throws<OutOfPagingSpaceException>(() => book.Set(5, 1, 21)),
                () => other.Get(0, 1));
        }

        book.Set(5, 1, 22);
        world.CheckAndClose();
    });

    internal static readonly Scenario LastFrameShared = new("a page that another thread brought into the last frame is not refused", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(5);
        book.Store(4, Contents.Text(4));
        using (ReadLease<long> first = book.Array.Read(0), second = book.Array.Read(512), third = book.Array.Read(1024))
        {
            run.Together(
                () => book.ReadLease(4),
                () => book.Get(4, 1),
                () => book.ReadLease(4));
        }

        world.CheckAndClose();
    });

    internal static readonly Scenario ThreeThreadsFourFrames = new("three threads with a page each never run out of four frames", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(6);
        for (int page = 0; page < 6; page++)
        {
            book.Store(page, page % 2 == 0 ? Contents.Text(page) : Contents.Noise(page));
        }

        run.Together(
            () => Wander(run, book, slot: 0, 4),
            () => Wander(run, book, slot: 1, 4),
            () => Wander(run, book, slot: 2, 4));
        world.CheckAndClose();
    });

    internal static readonly Scenario BackgroundSteps = new("background steps take part in everything", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(7);
        for (int page = 0; page < 7; page++)
        {
            book.Store(page, page % 2 == 0 ? Contents.Text(page) : Contents.Noise(page));
        }

        run.Together(
            () => Wander(run, book, slot: 0, 5),
            () => Repeat(8, () => world.Domain.Step()),
            () => Wander(run, book, slot: 1, 5));
        world.CheckAndClose();
    });

    internal static readonly Scenario FullPool = new("everything stored stays readable while writers fill the pool to the brim", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        for (int page = 0; page < 10; page++)
        {
            book.Store(page, Contents.Noise(page));
        }

        int refused = 0;
        run.Together(
            () => FillUp(10, 17),
            () => FillUp(17, 24),
            () =>
            {
                for (int page = 0; page < 10; page++)
                {
                    book.Get(page, 5);
                }
            });
        Assert.True(refused > 0);

        for (int page = 0; page < 12; page++)
        {
            book.Discard(page);
        }

        book.Overwrite(0, Contents.Noise(77));
        book.Overwrite(23, Contents.Noise(78));
        world.CheckAndClose();

        void FillUp(int first, int end)
        {
            for (int page = first; page < end; page++)
            {
                refused += book.TryOverwrite(page, Contents.Noise(100 + page)) ? 0 : 1;
            }
        }
    })
    {
        MostSeeds = 100,
    };

    internal static readonly Scenario LastDirtyFrame = new("two writers of one page need one frame between them", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int stored = 0;
        for (; book.TryOverwrite(stored, Contents.Noise(stored)) && book.Evict(stored) == EvictOutcome.Freed; stored++)
        {
        }

        // The last one stayed in its frame, dirty; one more, and there is room for a single one yet.
        book.Set(20, 0, 1);
        Assert.Equal(2, book.Region.Frames.DirtyFrames);
        book.ReadLease(0);
        run.Together(
            () => book.Set(21, 0, 41),
            () => book.Set(21, 1, 42),
            () => book.Get(21, 0));
        world.CheckAndClose();
    });

    internal static readonly Scenario LastDirtyPage = new("two writers of one clean page turn one page dirty", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int stored = 0;
        for (; book.TryOverwrite(stored, Contents.Noise(stored)) && book.Evict(stored) == EvictOutcome.Freed; stored++)
        {
        }

        book.Set(20, 0, 1);
        book.ReadLease(22);
        Assert.Equal(2, book.Region.Frames.DirtyFrames);
        run.Together(
            () => book.Set(22, 0, 51),
            () => book.Set(22, 1, 52),
            () => book.Get(22, 0));
        world.CheckAndClose();
    });

    internal static readonly Scenario CopiesAtTheBrim = new("copies of resident pages make room when the pool is full", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int stored = 0;
        for (; book.TryOverwrite(stored, Contents.Noise(stored)) && book.Evict(stored) == EvictOutcome.Freed; stored++)
        {
        }

        run.Together(
            () =>
            {
                for (int page = 0; page < 4; page++)
                {
                    TrySet(book, page, 0, 31 + page);
                }
            },
            () =>
            {
                for (int page = 3; page >= 0; page--)
                {
                    book.Get(page, 1);
                }
            },
            () => world.EvictAll());
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoSizes = new("memory moves between page sizes under both", static run =>
    {
        var world = new World(run, frames: 8, poolBytes: 256 << 10);
        Book small = world.Allocate(8);
        Book large = world.Allocate(5, 2 * World.PageBytes);
        for (int page = 0; page < 5; page++)
        {
            small.Store(page, Contents.Text(page));
            large.Store(page, Contents.Noise(page));
        }

        run.Together(
            () => Wander(run, small, slot: 0, 5),
            () => Wander(run, large, slot: 0, 5),
            () =>
            {
                small.Get(run.Dice.Below(5), 3);
                world.Domain.Step();
                large.Get(run.Dice.Below(5), 3);
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoSizesAtTheBrim = new("pages of both sizes stay readable while writers of both fill the pool", static run =>
    {
        var world = new World(run, frames: 8, poolBytes: 256 << 10);
        Book small = world.Allocate(24);
        Book large = world.Allocate(12, 2 * World.PageBytes);
        for (int page = 0; page < 3; page++)
        {
            small.Store(page, Contents.Noise(page));
            large.Store(page, Contents.Noise(page));
        }

        int written = 3;
        while (written < 10 && small.TryOverwrite(written, Contents.Noise(written)) && large.TryOverwrite(written, Contents.Noise(written)))
        {
            written++;
        }

        run.Together(
            () => Fill(small, 10, 16),
            () => Fill(large, 10, 12),
            () =>
            {
                for (int page = 0; page < 3; page++)
                {
                    small.Get(page, 5);
                    large.Get(page, 5);
                }
            });
        Fill(small, 16, 24);
        world.CheckAndClose();

        static void Fill(Book book, int first, int end)
        {
            for (int page = first; page < end; page++)
            {
                book.TryOverwrite(page, Contents.Noise(100 + page));
            }
        }
    })
    {
        MostSeeds = 100,
    };

    internal static IEnumerable<Scenario> All =>
    [
        FullOnlyWhenTrue, FullWhenTrue, LastFrameShared, ThreeThreadsFourFrames, BackgroundSteps, FullPool, LastDirtyFrame, LastDirtyPage,
        CopiesAtTheBrim, TwoSizes, TwoSizesAtTheBrim,
    ];

    /// <summary>Reads, writes and evicts here and there, one page at a time.</summary>
    internal static void Wander(Run run, Book book, int slot, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            int page = run.Dice.Below(book.Pages);
            switch (run.Dice.Below(6))
            {
                case 0:
                    book.Set(page, slot, 1000 + step);
                    break;
                case 1:
                    book.WriteLease(page, slot, 2000 + step);
                    break;
                case 2:
                    book.ReadLease(page);
                    break;
                case 3:
                    book.Evict(page);
                    break;
                default:
                    book.Get(page, run.Dice.Below(12));
                    break;
            }
        }
    }

    private static void TrySet(Book book, int page, int slot, long value)
    {
        try
        {
            book.Set(page, slot, value);
        }
        catch (OutOfPagingSpaceException)
        {
        }
    }
}
#endif
