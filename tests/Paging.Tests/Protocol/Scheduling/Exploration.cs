#if DEBUG
using System.Globalization;
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>Something that a few threads do at once, and what must hold afterwards whatever the order was.</summary>
/// <param name="Name">A sentence.</param>
/// <param name="Body">Sets the scene, runs the threads and checks, all from the run that it is given.</param>
internal sealed record Scenario(string Name, Action<Run> Body)
{
    /// <summary>Seeds that are worth running: 1 if no choice is ever made.</summary>
    internal ulong MostSeeds { get; init; } = ulong.MaxValue;

    public override string ToString() => Name;
}

/// <summary>One seed of a scenario.</summary>
internal sealed class Run(Interleaver interleaver, ulong seed)
{
    private readonly List<object> _holds = [];

    internal ulong Seed => seed;

    /// <summary>For the scenario's own choices, apart from those of the scheduler.</summary>
    internal Dice Dice { get; } = new(Dice.Mix(seed) ^ 0xD1CE);

    internal Interleaver Interleaver { get; } = interleaver;

    internal void Together(params ReadOnlySpan<Action> actions) => Interleaver.Together(actions);

    /// <summary>A place in the scenario where the turn may go to another thread.</summary>
    internal void Step() => Interleaver.Step();

    /// <summary>Keeps an object from its finalizer if the run fails: finalizers know nothing of pages left claimed.</summary>
    internal void Hold(object thing) => _holds.Add(thing);
}

/// <summary>Runs seeds of scenarios.</summary>
/// <remarks>PAGING_SEEDS is how many seeds each scenario runs instead of its own number; PAGING_SEED the only one.</remarks>
internal static class Exploration
{
    private const int RunsBetweenCollections = 128;

    private static readonly List<Run> s_wreckage = [];
    private static readonly Interleaver s_interleaver = new();
    private static int s_runs;

    internal static long Steps { get; private set; }

    /// <summary>Fails with the first seed that fails.</summary>
    internal static void AssertHolds(Scenario scenario, int seeds)
    {
        if (Setting("PAGING_SEED") is not { } only)
        {
            Explored.RunTo(scenario, Setting("PAGING_SEEDS") ?? (ulong)seeds);
            return;
        }

        Dictionary<string, long> before = Coverage.Counts();
        if (Fails(scenario, only) is { } failure)
        {
            throw failure;
        }

        Coverage.AssertNoneIllegal(Coverage.Since(before));
    }

    /// <summary>Fails with the first seed up to <paramref name="last"/> that fails, whatever the environment says.</summary>
    internal static void AssertHoldsUpTo(Scenario scenario, ulong last)
    {
        if (FirstFailure(scenario, (int)last) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The first of the seeds that fails, or null.</summary>
    internal static ScenarioFailedException? FirstFailure(Scenario scenario, int seeds)
    {
        for (ulong seed = 1; seed <= Math.Min((ulong)seeds, scenario.MostSeeds); seed++)
        {
            if (Fails(scenario, seed) is { } failure)
            {
                return failure;
            }
        }

        return null;
    }

    /// <summary>Runs one seed. Returns its failure, or null.</summary>
    internal static ScenarioFailedException? Fails(Scenario scenario, ulong seed)
    {
        var run = new Run(s_interleaver, seed);
        s_interleaver.Begin(seed);
        try
        {
            scenario.Body(run);
            return null;
        }
        catch (Exception exception)
        {
            s_wreckage.Add(run);
            return new ScenarioFailedException(scenario, seed, s_interleaver, exception);
        }
        finally
        {
            Interleaver.End();
            Steps += s_interleaver.Steps;

            // Each run reserves gigabytes of addresses, which finalizers give back.
            if (++s_runs % RunsBetweenCollections == 0)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }

    /// <summary>What the last run did, as a number.</summary>
    internal static ulong LastTrace => s_interleaver.Trace.Hash;

    internal static int LastSwitches => s_interleaver.Trace.Count;

    private static ulong? Setting(string name) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}

/// <summary>A seed that failed, with what it takes to repeat it.</summary>
internal sealed class ScenarioFailedException : Exception
{
    internal ScenarioFailedException(Scenario scenario, ulong seed, Interleaver interleaver, Exception inner)
        : base(Describe(scenario, seed, interleaver, inner))
    {
        Seed = seed;
    }

    internal ulong Seed { get; }

    private static string Describe(Scenario scenario, ulong seed, Interleaver interleaver, Exception inner)
    {
        Exception cause = inner is RunFailedException ? inner.InnerException! : inner;
        string broken = TestHook.Broken == Mutation.None ? string.Empty : $" with {TestHook.Broken} broken";
        return $"'{scenario.Name}'{broken} fails with PAGING_SEED={seed}: " +
            $"{cause.GetType().Name}: {cause.Message}\n{cause.StackTrace}\nThe last switches:\n{interleaver.Trace}";
    }
}
#endif
