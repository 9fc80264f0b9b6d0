using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap;

/// <summary>Threads in line for the writer of a pool that has only one, in earnest: with spinning, sleeps and naps.</summary>
public sealed class WriterLineTests
{
    private const int Threads = 8;
    private const int Uses = 400;

    [Fact]
    public void A_writer_has_one_user_at_a_time_and_each_thread_gets_its_turns()
    {
        using Pager pager = Small();
        SegmentLog log = Internals.Domain(pager).Swap.Segments.Logs[0]!;
        Assert.Equal(1, log.WritersInUse);
        log.Line.TurnBytes = WriterLine.LeastBytes;

        // Changed by whoever has the writer, and by nobody else: what one leaves there the next one finds.
        int uses = 0;
        int users = 0;
        Crew.Run(Threads, _ =>
        {
            for (int i = 0; i < Uses; i++)
            {
                LogWriter writer = log.Borrow();
                Assert.Equal(1, Interlocked.Increment(ref users));
                uses++;
                Thread.Yield();
                Interlocked.Decrement(ref users);
                writer.GiveBack();
            }
        });
        Assert.Equal(Threads * Uses, uses);
        Assert.True(log.Line.IsEmpty);
        Assert.True(Internals.First(log.Line) > 0, "no thread has stood in line");
    }

    [Fact]
    public void Waiting_in_line_allocates_nothing()
    {
        using Pager pager = Small();
        SegmentLog log = Internals.Domain(pager).Swap.Segments.Logs[0]!;
        log.Line.TurnBytes = WriterLine.LeastBytes;
        long[] allocated = new long[Threads];
        Crew.Run(Threads, number =>
        {
            for (int i = 0; i < Uses; i++)
            {
                // What a thread allocates once, when it first waits for a lock, is not the line's.
                if (i == Uses / 4)
                {
                    allocated[number] = GC.GetAllocatedBytesForCurrentThread();
                }

                LogWriter writer = log.Borrow();
                Thread.Yield();
                writer.GiveBack();
            }

            allocated[number] = GC.GetAllocatedBytesForCurrentThread() - allocated[number];
        });
        Assert.All(allocated, static bytes => Assert.Equal(0, bytes));
    }

    private static Pager Small() => new(new PagerOptions
    {
        PageBytes = 4096,
        ResidentBytes = 1 << 20,
        PoolBytes = LogGeometry.MinPoolBytes(4096),
        BackgroundThreads = 0,
    });
}
