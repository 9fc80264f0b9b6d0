#if DEBUG
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Streams that faults make and that the threads of the background follow, against everything that happens to pages meanwhile.</summary>
internal static class ReadaheadScenarios
{
    private const int Pages = 14;

    internal static readonly Scenario AgainstTheClock = new(
        "pages are read ahead of a reader while they are written, evicted, advised on and discarded", static run =>
    {
        var world = new World(run, frames: 12);
        Book book = Stored(world, PageAdvice.Sequential);
        run.Together(
            () => Read(book, 0, Pages),
            () => Repeat(6, () => world.Domain.Step()),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                book.Set(3, 0, 21);
                book.Evict(4);
                book.Discard(6);
                Advise(book, 2, 6, PageAdvice.Cold);
                Advise(book, 5, 5, PageAdvice.PageOut);
                book.Overwrite(9, Contents.Noise(31));
                world.EvictAll();
            });
        AssertEnds(world);

        // Whatever has happened, a reader is followed after that. Streams that are known may have to hear first that what they read ahead is gone.
        Advise(book, 0, Pages, PageAdvice.Sequential);
        world.EvictAll();
        long before = world.Domain.GetStatistics().PrefetchedPages;
        Read(book, 0, 3);
        AssertEnds(world);
        Assert.True(world.Domain.GetStatistics().PrefetchedPages > before);
        world.CheckAndClose();
    });

    internal static readonly Scenario TwoReaders = new(
        "two readers of a loop, one backwards, share what is read ahead for them, and the advice changes", static run =>
    {
        var world = new World(run, frames: 12);
        Book book = Stored(world, PageAdvice.Loop);
        run.Together(
            () => Read(book, 0, 9),
            () =>
            {
                for (int page = Pages - 1; page > 4; page--)
                    book.Get(page, 3);
            },
            () => Repeat(6, () => world.Domain.Step()),
            () =>
            {
                run.Step();
                Advise(book, 0, Pages, PageAdvice.Random);
                Advise(book, 3, 4, PageAdvice.Loop);
                Advise(book, 0, 3, PageAdvice.WillNeed);
                world.Domain.Step();
            });
        AssertEnds(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario OneRunAfterAnother = new(
        "streams that have ended leave no pages behind that keep others from being read ahead", static run =>
    {
        const int Run = 12;
        const int Runs = 8;
        var world = new World(run, frames: 16, poolBytes: 4 << 20);
        Book book = world.Allocate(2 * Run * Runs);
        for (int page = 0; page < book.Pages; page++)
            book.Store(page, Contents.Noise(page + 1));

        // A stream reads ahead beyond its last page, so each leaves some pages behind that nobody wants.
        Advise(book, 0, book.Pages, PageAdvice.Sequential);
        world.EvictAll();
        for (int i = 0; i < Runs; i++)
        {
            long before = world.Domain.GetStatistics().PrefetchedPages;
            for (int page = 2 * i * Run; page < ((2 * i) + 1) * Run; page++)
            {
                book.Get(page, 3);
                world.Domain.Step();
            }

            Assert.True(world.Domain.GetStatistics().PrefetchedPages > before, $"nothing was read ahead in run {i}");
        }

        AssertEnds(world);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario FromAFile = new("pages are read ahead from a file whose segments are freed meanwhile", static run =>
    {
        var world = new World(run, frames: 12);
        world.AddFile(64 * 12 * 4096, delays: false);
        Book book = world.Allocate(Pages);
        for (int page = 0; page < 8; page++)
            book.Store(page, Contents.Noise(page + 1));
        while (world.WriteOne() == Paging.Swap.WritebackStart.Started)
        {
        }

        Advise(book, 0, Pages, PageAdvice.Sequential);
        run.Together(
            () => Read(book, 0, 8),
            () => Repeat(5, () => world.Domain.Step()),
            () =>
            {
                book.Discard(5);
                book.Overwrite(6, Contents.Noise(31));
                world.EvictAll();
            });
        AssertEnds(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario ArrayDisposed = new(
        "an array is disposed under its reader while its pages are read ahead, and no pin of theirs is in the way", static run =>
    {
        var world = new World(run, frames: 12);
        Book book = Stored(world, PageAdvice.Sequential);
        run.Together(
            () => ClosingScenarios.UntilDisposed(() => ReadAll(book)),
            () => Repeat(5, () => world.Domain.Step()),
            () => ClosingScenarios.UntilDisposed(() => Advise(book, 4, 8, PageAdvice.PageOut)),
            () => UnlessRead(book.Array.Dispose));
        AssertEnds(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario PagerDisposed = new("the pager is disposed while pages are read ahead", static run =>
    {
        var world = new World(run, frames: 12);
        Book book = Stored(world, PageAdvice.Loop);
        run.Together(
            () => ClosingScenarios.UntilDisposed(() => ReadAll(book)),
            () => Repeat(5, () => world.Domain.Step()),
            () => Repeat(3, () => world.Domain.Step()),
            () => UnlessRead(world.Pager.Dispose));
        world.Pager.Dispose();
        Assert.False(world.Domain.Step());
    });

    internal static readonly Scenario Batches = new(
        "pages of a batch are used, and seen to be used, before the policy has heard of them", static run =>
    {
        // A batch is of a sixty-fourth of the frames.
        const int ManyPages = 30;
        var world = new World(run, frames: 256, poolBytes: 1 << 19);
        Book book = world.Allocate(ManyPages);
        for (int page = 0; page < ManyPages; page++)
            book.Store(page, Contents.Text(page + 1));
        Advise(book, 0, ManyPages, PageAdvice.Sequential);
        run.Together(
            () => Read(book, 0, ManyPages),
            () => Repeat(40, () => world.Domain.Prefetcher.Step()),
            () => Repeat(40, () => world.Domain.Prefetcher.Step()),
            () => Repeat(40, () => world.Domain.Prefetcher.Step()));
        AssertEnds(world);
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All => [AgainstTheClock, TwoReaders, OneRunAfterAnother, FromAFile, ArrayDisposed, PagerDisposed, Batches];

    private static Book Stored(World world, PageAdvice advice)
    {
        Book book = world.Allocate(Pages);
        for (int page = 0; page < Pages; page++)
            book.Store(page, Contents.Text(page + 1));
        Advise(book, 0, Pages, advice);
        return book;
    }

    private static void Read(Book book, int first, int end)
    {
        for (int page = first; page < end; page++)
            book.Get(page, 3);
    }

    /// <summary>The reader's own pin may be in the way of Dispose, and nothing else.</summary>
    private static void UnlessRead(Action dispose)
    {
        try
        {
            dispose();
        }
        catch (InvalidOperationException e)
        {
            Assert.Contains(" 1 ", e.Message, StringComparison.Ordinal);
        }
    }

    private static void ReadAll(Book book)
    {
        for (int page = 0; page < Pages; page++)
            _ = book.Array[page * 512L];
    }

    private static void Advise(Book book, int first, int pages, PageAdvice advice)
    {
        long start = first * 512L;
        book.Array.Advise(start, Math.Min(book.Array.Length - start, pages * 512L), advice);
    }

    private static void AssertEnds(World world)
    {
        PrefetchScenarios.AssertEnds(world);
        Assert.False(world.Domain.Prefetcher.Readahead.Step());
    }
}
#endif
