#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Seeds of scenarios that hold, from the first one on, and the transitions that they have made: each seed is run once in a
/// process, whichever tests ask for it.</summary>
internal static class Explored
{
    private static readonly Dictionary<Scenario, ulong> s_upTo = [];
    private static readonly Dictionary<string, long> s_transitions = [];

    /// <summary>How often a transition was made, by all seeds that were run here.</summary>
    internal static long Count(string transition) => s_transitions.GetValueOrDefault(transition);

    /// <summary>Runs the seeds of a scenario up to this one that were not run yet. Fails with the first that fails, or when a transition was made
    /// that is not legal.</summary>
    internal static void RunTo(Scenario scenario, ulong last)
    {
        ulong first = s_upTo.GetValueOrDefault(scenario) + 1;
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
        s_upTo[scenario] = last;
        foreach ((string transition, long count) in made)
        {
            s_transitions[transition] = Count(transition) + count;
        }
    }
}
#endif
