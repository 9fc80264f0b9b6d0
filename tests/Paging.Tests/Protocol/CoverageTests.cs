#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios together reach every transition that a page word and a segment word may make, and no other.</summary>
/// <remarks>By the runs of <see cref="ScenarioTests"/>, each of which fails when it makes a transition that is not legal.</remarks>
[Collection(WaitsForScenarios.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_legal_transition_is_reached_and_no_other()
    {
        foreach (Scenario scenario in Scenarios.All)
        {
            Explored.Add(scenario, await ScenarioChild.Instance.ResultOf(scenario.Name));
        }

        foreach (string transition in Coverage.Legal)
        {
            output.WriteLine($"{Explored.Count(transition),9:N0}  {transition}");
        }

        Assert.DoesNotContain(Coverage.Legal, static transition => Explored.Count(transition) == 0);
    }
}
#endif
