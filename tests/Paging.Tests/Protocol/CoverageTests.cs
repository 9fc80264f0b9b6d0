#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios together reach every transition that a page word and a segment word may make, and no other.</summary>
/// <remarks>What <see cref="ScenarioTests"/> has run is not run again: both go through <see cref="Explored"/>, in whichever order. If all is not reached
/// yet, the scenarios are run seed by seed until it is.</remarks>
[Collection(Alone.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    [Fact]
    public void Every_legal_transition_is_reached_and_no_other()
    {
        for (ulong seed = 1; seed <= Seeds && Coverage.Legal.Any(transition => Explored.Count(transition) == 0); seed++)
        {
            foreach (Scenario scenario in Scenarios.All)
            {
                Explored.RunTo(scenario, seed);
            }
        }

        foreach (string transition in Coverage.Legal)
        {
            output.WriteLine($"{Explored.Count(transition),9:N0}  {transition}");
        }

        Assert.DoesNotContain(Coverage.Legal, static transition => Explored.Count(transition) == 0);
    }
}
#endif
