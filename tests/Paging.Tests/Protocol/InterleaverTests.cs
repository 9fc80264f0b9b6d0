#if DEBUG
using System.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Tests.Protocol;

/// <summary>The scheduler itself: who trusts a detector has seen it detect.</summary>
[Collection(Alone.Name)]
public sealed class InterleaverTests
{
    [Fact]
    public void A_seed_gives_the_same_run_again()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            Assert.Null(Exploration.Fails(PageScenarios.DiscardFaultEvict, seed));
            (ulong trace, int switches) = (Exploration.LastTrace, Exploration.LastSwitches);
            Assert.Null(Exploration.Fails(PageScenarios.DiscardFaultEvict, seed));
            Assert.Equal((trace, switches), (Exploration.LastTrace, Exploration.LastSwitches));
        }
    }

    [Fact]
    public void Seeds_give_different_runs()
    {
        var traces = new HashSet<ulong>();
        for (ulong seed = 1; seed <= 50; seed++)
        {
            Assert.Null(Exploration.Fails(PageScenarios.DiscardFaultEvict, seed));
            traces.Add(Exploration.LastTrace);
        }

        Assert.True(traces.Count > 40, $"only {traces.Count} of 50 runs differ");
    }

    [Fact]
    public void Exactly_one_thread_moves_at_a_time()
    {
        int inside = 0;
        AssertPasses(run => run.Together(Body, Body, Body));

        void Body()
        {
            for (int i = 0; i < 50; i++)
            {
                Assert.Equal(1, Interlocked.Increment(ref inside));
                Interlocked.Decrement(ref inside);
                TestHook.Interleaver!.Reach(SharedWord.Page);
            }
        }
    }

    [Fact]
    public void A_lost_update_is_found() => AssertFails("Assert.Equal() Failure", run =>
    {
        int counter = 0;
        run.Together(Increment, Increment);
        Assert.Equal(2, counter);

        void Increment()
        {
            int seen = counter;
            run.Step();
            counter = seen + 1;
        }
    });

    [Fact]
    public void A_bug_that_needs_a_thread_to_stand_still_is_found() => AssertFails("Assert.Equal() Failure", run =>
    {
        int[] words = new int[64];
        run.Together(
            () =>
            {
                int first = words[0];
                run.Step();
                Assert.Equal(first, words[63]);
            },
            () =>
            {
                for (int i = 0; i < words.Length; i++)
                {
                    words[i] = 1;
                    run.Step();
                }
            });
    });

    [Fact]
    public void A_deadlock_is_found() => AssertFails("Deadlock", static run =>
    {
        object first = new(), second = new();
        run.Together(() => TestHook.Interleaver!.Block(first), () => TestHook.Interleaver!.Block(second));
    });

    [Fact]
    public void A_wake_up_that_comes_too_early_is_found() => AssertFails("Deadlock", static run =>
    {
        object place = new();
        run.Together(
            () =>
            {
                run.Step();
                TestHook.Interleaver!.Block(place);
            },
            () => TestHook.Interleaver!.Wake(place));
    });

    [Fact]
    public void Threads_that_only_wait_for_each_other_are_found() => AssertFails("No end", static run =>
    {
        run.Together(Wait, Wait);

        static void Wait()
        {
            while (true)
            {
                TestHook.Interleaver!.Yield();
            }
        }
    });

    [Fact]
    public void A_thread_that_waits_for_nobody_is_found() => AssertFails("waits for ever", static run =>
        run.Together(static () =>
        {
            while (true)
            {
                TestHook.Interleaver!.Yield();
            }
        }));

    [Fact]
    public void A_lock_that_is_never_given_back_is_found() => AssertFails("waits for ever", static run =>
    {
        var gate = new Gate();
        run.Together(() => gate.Enter(), () => gate.Enter());
    });

    [Fact]
    public void A_lock_of_the_process_may_be_held_by_a_thread_that_nobody_schedules()
    {
        var gate = new Gate(isOfProcess: true);
        Thread? scheduled = null;
        bool isHeld = false, isOver = false;
        var outside = new Thread(() =>
        {
            using Gate.Scope held = gate.Enter();
            Volatile.Write(ref isHeld, true);

            // Until the other one waits in earnest; or the run has failed, since it did not.
            SpinWait.SpinUntil(() => Volatile.Read(ref isOver)
                || Volatile.Read(ref scheduled) is { } waiting && (waiting.ThreadState & System.Threading.ThreadState.WaitSleepJoin) != 0);
        });
        outside.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref isHeld));
        ScenarioFailedException? failure = Exploration.Fails(new Scenario("test", run => run.Together(() =>
        {
            Volatile.Write(ref scheduled, Thread.CurrentThread);
            using Gate.Scope held = gate.Enter();
        })), seed: 1);
        Volatile.Write(ref isOver, true);
        outside.Join();
        Assert.Null(failure);
    }

    [Fact]
    public void A_broken_assertion_fails_the_run_and_not_the_process() => AssertFails("the assertion", static run =>
        run.Together(static () => Debug.Assert(false, "the assertion"), run.Step));

    [Fact]
    public void A_failure_names_its_seed_and_the_last_switches()
    {
        var scenario = new Scenario("the scenario", static run => run.Together(run.Step, static () => throw new NotSupportedException("the cause")));
        ScenarioFailedException failure = Exploration.Fails(scenario, seed: 77)!;
        Assert.Contains("the scenario", failure.Message, StringComparison.Ordinal);
        Assert.Contains("PAGING_SEED=77", failure.Message, StringComparison.Ordinal);
        Assert.Contains("the cause", failure.Message, StringComparison.Ordinal);
        Assert.Contains("thread 2 at end", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_failure_the_next_run_is_clean()
    {
        var failing = new Scenario("failing", static run => run.Together(run.Step, static () => throw new NotSupportedException(), run.Step));
        for (ulong seed = 1; seed <= 20; seed++)
        {
            Assert.NotNull(Exploration.Fails(failing, seed));
            Assert.Null(Exploration.Fails(PageScenarios.TwoWriters, seed));
        }
    }

    private static void AssertPasses(Action<Run> body) => Exploration.AssertHoldsUpTo(new Scenario("test", body), 100);

    private static void AssertFails(string message, Action<Run> body)
    {
        ScenarioFailedException? failure = Exploration.FirstFailure(new Scenario("test", body), 200);
        Assert.NotNull(failure);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }
}
#endif
