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

    internal static readonly Scenario OneEach = new("threads that hold a lease each and want one more are refused rather than wait for each other", static run =>
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

    internal static readonly Scenario SizesShareFrames = new("a page size gets its frames from another whose pages are dirty, through a file", static run =>
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

    internal static IEnumerable<Scenario> All => [LeasesEnd, OneFrame, OneEach, WriterAtTheBrim, DisposeAgainstWaiters, SizesShareFrames];

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
