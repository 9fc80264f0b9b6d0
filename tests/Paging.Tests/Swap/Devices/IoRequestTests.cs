using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>A request by itself: who waits for it, and in what order it lets go.</summary>
public sealed class IoRequestTests
{
    [Fact]
    public void A_request_tells_its_owner_then_its_waiters_then_its_owner_again()
    {
        var request = new Telling();
        Assert.True(request.IsComplete);
        request.Wait();
        request.Begin();
        Assert.False(request.IsComplete);
        request.Complete(Errno.ENOSPC);
        Assert.Equal(["completed False", "released True"], request.Told);
        Assert.Equal(Errno.ENOSPC, request.Error);
        request.Begin();
        Assert.Equal(0, request.Error);
        request.Complete(0);
    }

    [Fact]
    public void Everybody_who_waits_is_woken() => EveryRound(8, static _ => { });

    [Fact]
    public void An_interrupt_does_not_cut_a_wait_short_and_is_kept_for_later() => EveryRound(3, static thread => thread.Interrupt(), static () =>
    {
        object gate = new();
        lock (gate)
        {
            Assert.Throws<ThreadInterruptedException>(() => Monitor.Wait(gate));
        }
    });

    private static void EveryRound(int waiters, Action<Thread> disturb, Action? after = null)
    {
        for (int round = 0; round < 20; round++)
        {
            var request = new AwaitedRequest();
            request.Begin();
            using var ready = new CountdownEvent(waiters);
            int woken = 0;
            Exception? failure = null;
            Thread[] threads = [.. Enumerable.Range(0, waiters).Select(_ => new Thread(() =>
            {
                ready.Signal();
                try
                {
                    request.Wait();
                    Assert.True(request.IsComplete);
                    after?.Invoke();
                    Interlocked.Increment(ref woken);
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            }))];
            foreach (Thread thread in threads)
            {
                thread.Start();
            }

            ready.Wait(TestContext.Current.CancellationToken);
            foreach (Thread thread in threads)
            {
                disturb(thread);
            }

            request.Complete(0);
            foreach (Thread thread in threads)
            {
                thread.Join();
            }

            Assert.Null(failure);
            Assert.Equal(waiters, woken);
        }
    }

    private sealed class Telling : AwaitedRequest
    {
        public List<string> Told { get; } = [];

        protected override void OnCompleted() => Told.Add($"completed {IsComplete}");

        protected override void OnReleased() => Told.Add($"released {IsComplete}");
    }
}
