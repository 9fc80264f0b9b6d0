#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios together reach every transition that a page word and a segment word may make, and no other.</summary>
[Collection(Alone.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    [Fact]
    public void Every_legal_transition_is_reached_and_no_other()
    {
        Dictionary<string, long> before = Coverage.Counts();
        foreach (Scenario scenario in Scenarios.All)
        {
            Exploration.AssertHoldsUpTo(scenario, Seeds);
        }

        Dictionary<string, long> reached = Coverage.Since(before);
        foreach ((string transition, long count) in reached.Where(static pair => pair.Value != 0))
        {
            output.WriteLine($"{count,9:N0}  {transition}");
        }

        Coverage.AssertNoneIllegal(reached);
        Assert.DoesNotContain(Coverage.Legal, transition => reached[transition] == 0);
    }
}
#endif
