#if DEBUG
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Rows gathered from pages of which most are in a file, whose reads are under way at once, while everything else happens to these
/// pages and to the file. One thread is the device, another one the background, which takes its share of the rows.</summary>
internal static class GatherScenarios
{
    private const long File = 4 << 20;

    /// <summary>With fewer, nobody helps.</summary>
    private const int Frames = 8;
    internal const int Pages = 12;

    private const int BlocksOfAPage = 2;

    /// <summary>A pool whose segments hold several pages.</summary>
    internal const long Neighbours = 4 << 20;

    /// <summary>Rows of all pages, in no order, some twice.</summary>
    private static readonly (int Page, int Element)[] s_rows =
    [
        (7, 0), (0, 5), (3, 1), (11, 0), (5, 6), (1, 0), (7, 9), (9, 2), (2, 300), (4, 1), (6, 0), (8, 511), (10, 3), (3, 1), (0, 0),
    ];

    internal static readonly Scenario AgainstEviction = new("rows are gathered while their pages are written and go again", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Gather(s_rows)),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                book.Set(3, 1, 41);
                book.Evict(3);
                book.Set(0, 0, 42);
                world.EvictAll();
                book.Set(7, 0, 43);
            });
        End(world, device);
    });

    internal static readonly Scenario AgainstDiscard = new("rows are gathered while their pages are dropped and overwritten", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Gather(s_rows)),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                book.Discard(3);
                book.Overwrite(0, Contents.Noise(51));
                book.Discard(7);
                book.Evict(0);
                book.Set(7, 0, 52);
            });
        End(world, device);
    });

    internal static readonly Scenario AgainstSwapoff = new("rows are gathered while the file that they are in is removed", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Gather(s_rows)),
            () => Repeat(4, () => world.Domain.Step()),
            world.RemoveFile);
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario NeighboursAgainstEviction = new(
        "rows of neighbours in a file are gathered while their pages are written and go again", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Gather(s_rows)),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                book.Set(3, 1, 41);
                book.Discard(4);
                book.Overwrite(0, Contents.Noise(51));
                world.EvictAll();
                book.Set(7, 0, 43);
            });
        End(world, device);
    });

    internal static readonly Scenario NeighboursAgainstSwapoff = new(
        "rows of neighbours in a file are gathered by two threads while the file is removed", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => book.Gather(s_rows),
            () => book.Gather(s_rows.AsSpan(2, 9)),
            world.RemoveFile);
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario NeighboursAgainstClosing = new(
        "the pager is disposed while neighbours in a file are read at once by one thread for another", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Gather(s_rows))),
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Gather(s_rows.AsSpan(1, 7)))),
            () =>
            {
                Repeat(4, () => world.Domain.Step());
                world.Pager.Dispose();
            });
        Assert.Equal(0, device.PendingCount);
        ReadAhead += device.SubmittedBlocks / BlocksOfAPage;
    });

    internal static readonly Scenario AgainstFileCleaning = new(
        "rows are gathered while the segments that they are in are emptied and used again", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        int segment = FirstOnFile(world);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Gather(s_rows)),
            () => Repeat(3, () => world.Domain.Step()),
            () =>
            {
                world.Store.Swapoff.TryEmpty(segment);
                world.Put(Contents.Noise(61));
                world.WriteOne();
                world.Put(Contents.Noise(62));
            });
        End(world, device);
    });

    internal static readonly Scenario TwoAtOnce = new(
        "two threads gather the same rows, and help each other to nothing that is not theirs", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => book.Gather(s_rows),
            () =>
            {
                book.Gather(s_rows.AsSpan(3, 6));
                book.Gather(s_rows);
            },
            () => Repeat(4, () => world.Domain.Step()));
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario ArrayDisposed = new(
        "an array is disposed while its rows are gathered: that is said, or they are had", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Gather(s_rows))),
            () => Repeat(4, () => world.Domain.Step()),
            book.Array.Dispose);
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario PagerDisposed = new("the pager is disposed while rows are gathered, and no read outlives it", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Gather(s_rows))),
            () => Repeat(4, () => world.Domain.Step()),
            world.Pager.Dispose);
        Assert.Equal(0, device.PendingCount);
        ReadAhead += device.SubmittedBlocks / BlocksOfAPage;
        Assert.False(world.Domain.Step());
    });

    internal static readonly Scenario FailingReads = new(
        "reads of a gather fail or bring something else: one exception, and all rows are there afterwards",
        static run => ReadWhileReadsFail(run, poolBytes: null, static book => book.Gather(s_rows)));

    internal static readonly Scenario AllReadsFail = new(
        "every read of a gather fails: that is said once by each, and the next gather has its rows", static run =>
    {
        MemoryDevice memory = new(File, run.Seed);
        FaultyDevice device = new(memory, run.Seed);
        (World world, Book book) = Begin(run, device);
        memory.DelaysCompletion = true;
        device.Always = Fault.InputOutputError;
        int refused = 0;
        FileScenarios.With(memory, run,
            () => ReadOrFail(book, static read => read.Gather(s_rows), ref refused),
            () => Repeat(3, () => world.Domain.Step()),
            () => ReadOrFail(book, static read => read.Gather(s_rows), ref refused));
        Assert.Equal(2, refused);
        device.Always = Fault.None;
        End(world, memory, () => book.Gather(s_rows), mayHaveReadNone: true);
    });

    /// <summary>Pages that were in reads that gathers have submitted, in all runs so far.</summary>
    internal static long ReadAhead { get; private set; }

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        AgainstEviction, AgainstDiscard, AgainstSwapoff, NeighboursAgainstEviction, NeighboursAgainstSwapoff, NeighboursAgainstClosing,
        AgainstFileCleaning, TwoAtOnce, ArrayDisposed, PagerDisposed, FailingReads, AllReadsFail,
    ];

    /// <summary>Three reads by two threads of pages whose device fails now and then.</summary>
    internal static void ReadWhileReadsFail(Run run, long? poolBytes, Action<Book> read)
    {
        MemoryDevice memory = new(File, run.Seed);
        FaultyDevice device = new(memory, run.Seed);
        (World world, Book book) = Begin(run, device, poolBytes);
        memory.DelaysCompletion = true;
        foreach (Fault fault in (ReadOnlySpan<Fault>)[Fault.InputOutputError, Fault.FlippedBit, Fault.MisdirectedRead])
        {
            device.Chances[fault] = 8;
        }

        int refused = 0;
        FileScenarios.With(memory, run,
            () => Repeat(2, () => ReadOrFail(book, read, ref refused)),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                ReadOrFail(book, read, ref refused);
                world.EvictAll();
            });
        device.Chances.Clear();
        Assert.True(refused == 0 || device.Injected > 0, "pages were refused, and nothing has failed");

        // A device that fails where it must not has been dealt with; nothing of what it holds is lost. The few reads there are may all have
        // failed, and not have come to the memory below.
        End(world, memory, () => read(book), mayHaveReadNone: device.Injected > 0);
    }

    private static void ReadOrFail(Book book, Action<Book> read, ref int refused)
    {
        try
        {
            read(book);
        }
        catch (PageCorruptedException)
        {
            refused++;
        }
    }

    internal static (World World, Book Book, MemoryDevice Device) Begin(Run run, long? poolBytes = null)
    {
        MemoryDevice device = new(File, run.Seed);
        (World world, Book book) = Begin(run, device, poolBytes);
        device.DelaysCompletion = true;
        return (world, book, device);
    }

    /// <summary>Pages of which those of sealed segments are in the file, and the others in the pool or untouched.</summary>
    private static (World World, Book Book) Begin(Run run, Paging.Swap.Devices.SwapDevice device, long? poolBytes = null)
    {
        World world = new(run, frames: Frames, poolBytes);
        world.AddFile(device);
        Book book = world.Allocate(Pages);
        for (int page = 0; page < Pages - 1; page++)
        {
            book.Store(page, Contents.Noise(page + 1));
        }

        while (world.WriteOne() == WritebackStart.Started)
        {
        }

        Assert.True(FirstOnFile(world) >= 0);
        return (world, book);
    }

    private static int FirstOnFile(World world)
    {
        for (int i = 0; i < world.Store.Segments.End; i++)
        {
            if (Internals.State(world.Store.Segments, i) == SegmentState.OnFile)
            {
                return i;
            }
        }

        return -1;
    }

    internal static void End(World world, MemoryDevice device, Action? check = null, bool mayHaveReadNone = false)
    {
        // Nobody else is left who would complete a request.
        device.DelaysCompletion = false;
        Assert.Equal(0, device.PendingCount);
        ReadAhead += device.SubmittedBlocks / BlocksOfAPage;
        Assert.True(mayHaveReadNone || device.SubmittedReads > 0, "nothing was read ahead");
        check?.Invoke();
        Assert.Equal(0, world.Domain.Leases);
        world.CheckAndClose();
    }
}
#endif
