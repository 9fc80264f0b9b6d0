#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios together reach every transition that a page word and a segment word may make, and no other.</summary>
/// <remarks>They are run seed by seed until all is reached; that they reach nothing else is looked at here for those runs, and by
/// <see cref="ScenarioTests"/> for every seed of each.</remarks>
[Collection(Alone.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    [Fact]
    public void Every_legal_transition_is_reached_and_no_other()
    {
        Dictionary<string, long> before = Coverage.Counts();
        Dictionary<string, long> reached = before;
        for (ulong seed = 1; seed <= Seeds && (seed == 1 || IsAnyMissing(reached)); seed++)
        {
            foreach (Scenario scenario in Scenarios.All.Where(scenario => seed <= scenario.MostSeeds))
            {
                if (Exploration.Fails(scenario, seed) is { } failure)
                {
                    throw failure;
                }
            }

            reached = Coverage.Since(before);
        }

        foreach ((string transition, long count) in reached.Where(static pair => pair.Value != 0))
        {
            output.WriteLine($"{count,9:N0}  {transition}");
        }

        Coverage.AssertNoneIllegal(reached);
        Assert.DoesNotContain(Coverage.Legal, transition => reached[transition] == 0);
    }

    private static bool IsAnyMissing(Dictionary<string, long> reached) => Coverage.Legal.Any(transition => reached[transition] == 0);
}
#endif
