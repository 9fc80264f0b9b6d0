#if DEBUG
using Paging.Swap;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>More threads than writers of a log.</summary>
internal static class WriterScenarios
{
    private const int UsesInTurn = 3;
    private const int Quarter = 1000;

    /// <summary>Segments for two writers, where there are two processors.</summary>
    private static readonly long s_largerPool = 4 * World.SmallestPool;

    internal static readonly Scenario ByTurns = new(
        "whoever waits for a writer is passed by for so many turns at most as there are threads before it", static run => Compete(run, null));

    internal static readonly Scenario TwoByTurns = new("two writers are handed over by turns, and each has one user", static run =>
        Compete(run, s_largerPool));

    internal static readonly Scenario Stores = new("what threads store by turns is whole, and each of them gets its turn", static run =>
    {
        var world = new World(run);
        world.Log.Line.TurnBytes = 2 * WriterLine.LeastBytes;
        Book book = world.Allocate(6);
        run.Together(
            () => PutAndFree(run.Dice.Below(3)),
            () => PutAndFree(10),
            () => Repeat(3, () => world.CleanOne()),
            () =>
            {
                for (int page = 0; page < 6; page++)
                {
                    book.Store(page, Contents.Text(page));
                }
            });
        world.CheckAndClose();

        void PutAndFree(int first)
        {
            for (int i = first; i < first + 4; i++)
            {
                SwapId id = world.Put(Contents.Noise(i), 1000);
                run.Step();
                world.Free(id);
            }
        }
    });

    internal static readonly Scenario UseFalls = new("a writer that is not in use any more is not handed on", static run =>
    {
        var world = new World(run, poolBytes: s_largerPool);
        SegmentLog log = world.Log;
        log.Line.TurnBytes = WriterLine.LeastBytes;
        Assert.Equal(Math.Min(2, Environment.ProcessorCount), log.WritersInUse);
        var used = new HashSet<LogWriter>();
        run.Together(
            () => Repeat(6, () => Use(run, log, used)),
            () => Repeat(6, () => Use(run, log, used)),
            () => Repeat(6, () => Use(run, log, used)),
            () =>
            {
                world.Pager.Resize(World.SmallestFrames * World.PageBytes, World.SmallestPool);
                log.SealUnused();
            });
        Assert.Equal(1, log.WritersInUse);
        world.CheckAndClose();
    });

    /// <summary>The look for room passes over writers in use; what those hold is not to be missed when they are given back meanwhile.</summary>
    internal static readonly Scenario RoomInWriters = new(
        "what fits is not refused because what makes room is under a writer that another thread has for a moment", static run =>
    {
        var world = new World(run, poolBytes: s_largerPool);
        SegmentLog log = world.Log;
        List<SwapId> ids = [];
        foreach (int length in (int[])[World.PageBytes, Quarter])
        {
            while (world.TryPut(Contents.Noise(ids.Count), length, out SwapId id))
            {
                ids.Add(id);
            }
        }

        // One segment comes free, and is the one that the last writer has open: there is no room but its dead pages.
        int first = SegmentOf(ids[0]);
        world.Free([.. ids.Where(id => SegmentOf(id) == first)]);
        List<LogWriter> others = [];
        for (LogWriter writer = log.Borrow(); writer != log.Writers[log.WritersInUse - 1]; writer = log.Borrow())
        {
            others.Add(writer);
        }

        log.Writers[log.WritersInUse - 1].GiveBack();
        SwapId[] dead = [world.Put(Contents.Noise(-1), Quarter), world.Put(Contents.Noise(-2), Quarter)];
        others.ForEach(static writer => writer.GiveBack());
        world.Free(dead);
        run.Together(() => Prepare(World.PageBytes), () => Prepare(World.PageBytes), () => Prepare(Quarter), () => Prepare(Quarter));
        world.CheckAndClose();

        int SegmentOf(SwapId id) => world.Store.Descriptors.Locate((uint)id.Value).Segment;

        // As an eviction does, which finds that its page needs no room.
        void Prepare(int length)
        {
            for (int i = 0; i < 3; i++)
            {
                StoreTicket ticket = world.Store.Prepare(length, StoreLevel.Normal, isPublic: false);
                Assert.NotNull(ticket.Writer);
                world.Store.Cancel(ticket);
            }
        }
    });

    internal static IEnumerable<Scenario> All => [ByTurns, TwoByTurns, Stores, UseFalls, RoomInWriters];

    /// <summary>Threads that use writers again and again, and some that do so seldom. What each use passes by is counted from the step in
    /// which a thread has come into line.</summary>
    private static void Compete(Run run, long? poolBytes)
    {
        var world = new World(run, poolBytes: poolBytes);
        SegmentLog log = world.Log;
        log.Line.TurnBytes = UsesInTurn * WriterLine.LeastBytes;
        int writers = log.WritersInUse;
        Assert.Equal(poolBytes is null ? 1 : Math.Min(2, Environment.ProcessorCount), writers);
        var used = new HashSet<LogWriter>();
        var waits = new Queue<(int Since, int Before)>();
        int uses = 0;
        long first = 0;
        run.Interleaver.Probe = _ => Observe();
        run.Together(
            () => Repeat(40, UseOne),
            () => Repeat(40, UseOne),
            () => Repeat(4, UseOne),
            () => Repeat(4, UseOne),
            () => Repeat(4, UseOne));
        run.Interleaver.Probe = null;
        Assert.Empty(used);
        world.CheckAndClose();

        void UseOne()
        {
            Use(run, log, used);
            uses++;
        }

        void Observe()
        {
            for (long end = Internals.End(log.Line); first + waits.Count < end;)
            {
                waits.Enqueue((uses, waits.Count));
            }

            // A use may end between its look at the line and the count here, once for each thread.
            foreach ((int since, int before) in waits)
            {
                int most = ((before + 1 + writers) * UsesInTurn) + Interleaver.MostThreads;
                Assert.True(uses - since <= most, $"{uses - since} uses passed a thread by that came into line behind {before}; {most} may");
            }

            for (; first < Internals.First(log.Line); first++)
            {
                waits.Dequeue();
            }
        }
    }

    private static void Use(Run run, SegmentLog log, HashSet<LogWriter> used)
    {
        LogWriter writer = log.Borrow();
        Assert.True(used.Add(writer) && writer.IsBorrowed, "two threads have a writer");
        run.Step();
        used.Remove(writer);
        writer.GiveBack();
    }
}
#endif
