#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Seeds of scenarios that hold, from the first one on, and the transitions that they have made: each seed is run once,
/// whichever tests ask for it, in this process or in its child.</summary>
internal static class Explored
{
    private static readonly Dictionary<Scenario, ulong> s_upTo = [];
    private static readonly Dictionary<string, long> s_transitions = [];

    private static readonly Lock s_lock = new();

    /// <summary>How often a transition was made, by all seeds that were run.</summary>
    internal static long Count(string transition)
    {
        lock (s_lock)
            return s_transitions.GetValueOrDefault(transition);
    }

    /// <summary>The last of the seeds of a scenario that were run; 0 when none was.</summary>
    internal static ulong UpTo(Scenario scenario)
    {
        lock (s_lock)
            return s_upTo.GetValueOrDefault(scenario);
    }

    /// <summary>A child process has run seeds, which hold.</summary>
    internal static void Add(Scenario scenario, ScenarioResult result)
    {
        if (result.Seeds > UpTo(scenario))
        {
            Add(scenario, result.Seeds, result.Transitions);
        }
    }

    /// <summary>Runs the seeds of a scenario up to this one that were not run yet. Fails with the first that fails, or when a transition was made
    /// that is not legal.</summary>
    internal static void RunTo(Scenario scenario, ulong last)
    {
        ulong first = UpTo(scenario) + 1;
        last = Math.Min(last, scenario.MostSeeds);
        if (first > last)
        {
            return;
        }

        Dictionary<string, long> before = Coverage.Counts();
        for (ulong seed = first; seed <= last; seed++)
        {
            if (Exploration.Fails(scenario, seed) is { } failure)
            {
                throw failure;
            }
        }

        Dictionary<string, long> made = Coverage.Since(before);
        Coverage.AssertNoneIllegal(made);
        Add(scenario, last, made);
    }

    private static void Add(Scenario scenario, ulong last, Dictionary<string, long> made)
    {
        lock (s_lock)
        {
            s_upTo[scenario] = last;
            foreach ((string transition, long count) in made)
            {
                s_transitions[transition] = s_transitions.GetValueOrDefault(transition) + count;
            }
        }
    }
}
#endif
