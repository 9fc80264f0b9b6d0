using System.Runtime.ExceptionServices;
using Paging.Swap;
using Paging.Tests.Face;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.TestSeam;

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

    /// <summary>The next thread may stand at the place of one that has been handed a writer and is yet to wake.</summary>
    [Fact]
    public void A_turn_that_ends_while_the_place_of_the_next_is_taken_is_handed_over_when_it_is_free()
    {
        using Pager pager = Small();
        SegmentLog log = Internals.Domain(pager).Swap.Segments.Logs[0]!;
        log.Line.TurnBytes = 2 * WriterLine.LeastBytes;
        long next = Internals.Join(log.Line);
        ref LogWriter? place = ref Internals.Handed(log.Line)[next];
        LogWriter late = new(log);
        place = late;

        LogWriter writer = log.Borrow();
        writer.GiveBack();
        Assert.Same(writer, log.TryBorrowAny());
        writer.GiveBack();
        Assert.Same(late, place);
        Assert.False(writer.IsBorrowed);

        place = null;
        Assert.Same(writer, log.TryBorrowAny());
        writer.GiveBack();
        Assert.Same(writer, place);
        Assert.True(writer.IsBorrowed);
        Assert.True(log.Line.IsEmpty);

        place = null;
        writer.GiveBack();
        Assert.False(writer.IsBorrowed);
    }

#if DEBUG
    /// <summary>An interrupt that is kept for the next wait in the line, and not for the end, cuts each nap short: the thread never sleeps.</summary>
    [Fact]
    public void A_pending_interrupt_cuts_one_nap_short_and_stays_pending()
    {
        const int Naps = 5;
        using Pager pager = Small();
        SegmentLog log = Internals.Domain(pager).Swap.Segments.Logs[0]!;
        LogWriter held = log.Borrow();
        using var naps = new CountdownEvent(Naps);
        int cut = 0;
        int waiter = 0;
        bool isPending = false;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                waiter = Environment.CurrentManagedThreadId;
                AppDomain.CurrentDomain.FirstChanceException += Count;
                TestHook.Failures = new NapCounter(naps);
                Thread.CurrentThread.Interrupt();
                log.Borrow().GiveBack();
                isPending = Figures.TakeInterrupt();
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                AppDomain.CurrentDomain.FirstChanceException -= Count;
            }
        });
        thread.Start();
        naps.Wait(TestContext.Current.CancellationToken);
        held.GiveBack();
        thread.Join();
        Assert.Null(failure);
        Assert.True(isPending, "the interrupt is lost");

        // The second is the one that ends it.
        Assert.Equal(2, cut);

        void Count(object? sender, FirstChanceExceptionEventArgs e)
        {
            if (Environment.CurrentManagedThreadId == waiter && e.Exception is ThreadInterruptedException)
            {
                cut++;
            }
        }
    }

    private sealed class NapCounter(CountdownEvent naps) : IFailures
    {
        public void Reach(FailurePoint point)
        {
            if (point == FailurePoint.Sleep && !naps.IsSet)
            {
                naps.Signal();
            }
        }
    }
#endif

    private static Pager Small() => new(new PagerOptions
    {
        PageBytes = 4096,
        ResidentBytes = 1 << 20,
        PoolBytes = LogGeometry.MinPoolBytes(4096),
        BackgroundThreads = 0,
    });
}
