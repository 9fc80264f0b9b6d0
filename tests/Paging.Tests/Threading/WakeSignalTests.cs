using Paging.Threading;

namespace Paging.Tests.Threading;

/// <summary>A thread that naps comes back by itself, or because it is woken: a nap that nobody ends would take half an hour here.</summary>
public sealed class WakeSignalTests
{
    private const int Forever = int.MaxValue;

    [Fact]
    public void A_request_ends_a_nap()
    {
        var signal = new WakeSignal();
        Nap(signal, signal.Wake);
        Assert.False(signal.IsStopped);
    }

    [Fact]
    public void The_end_ends_a_nap()
    {
        var signal = new WakeSignal();
        Nap(signal, signal.Stop);
        Assert.True(signal.IsStopped);
        signal.Nap(Forever);
        Assert.False(signal.Sleep(Timeout.Infinite));
    }

    [Fact]
    public void A_request_that_has_come_before_is_not_napped_over()
    {
        var signal = new WakeSignal();
        signal.Wake();
        signal.Nap(Forever);

        // The nap has taken it.
        signal.Nap(1);
        signal.Wake();
        Assert.True(signal.Sleep(Timeout.Infinite));
    }

    [Fact]
    public void A_nap_ends_by_itself()
    {
        var signal = new WakeSignal();
        for (int i = 0; i < 100; i++)
        {
            signal.Nap(1 + i);
            Assert.False(signal.HasNapper);
        }
    }

    [Fact]
    public void Whether_a_nap_ends_soon_is_known_from_its_length()
    {
        Assert.SkipUnless(WakeSignal.CanNap, "No naps on this system.");
        var signal = new WakeSignal();
        signal.Nap(1);
        Assert.True(signal.IsBackSoon);
        var thread = new Thread(() => signal.Nap(Forever));
        thread.Start();
        SpinWait.SpinUntil(() => signal.HasNapper);
        Assert.False(signal.IsBackSoon);
        signal.Wake();
        thread.Join();
    }

    /// <summary>One request at a time, the next one only when the thread has seen it: a lost one would be the last.</summary>
    [Fact]
    public void No_request_is_lost_to_a_thread_that_naps_and_sleeps_in_turns()
    {
        const int Requests = 20_000;
        var signal = new WakeSignal();
        int asked = 0;
        int seen = 0;
        var thread = new Thread(() =>
        {
            for (int i = 0; seen < Requests; i++)
            {
                Volatile.Write(ref seen, Volatile.Read(ref asked));
                if (seen < Requests && i % 3 != 0)
                {
                    signal.Nap(Forever);
                }
                else if (seen < Requests)
                {
                    signal.Sleep(Timeout.Infinite);
                }
            }
        });
        thread.Start();
        for (int i = 1; i <= Requests; i++)
        {
            Volatile.Write(ref asked, i);
            signal.Wake();
            SpinWait.SpinUntil(() => Volatile.Read(ref seen) == i);
        }

        thread.Join();
    }

    private static void Nap(WakeSignal signal, Action end)
    {
        Assert.SkipUnless(WakeSignal.CanNap, "No naps on this system.");
        var thread = new Thread(() => signal.Nap(Forever));
        thread.Start();
        SpinWait.SpinUntil(() => signal.HasNapper);
        end();
        thread.Join();
        Assert.False(signal.HasNapper);
    }
}
