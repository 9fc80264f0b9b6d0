#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios in this process: for a debugger, and for the child of <see cref="ScenarioTests"/>.</summary>
[Collection(Alone.Name)]
public sealed class ScenarioInProcessTests
{
    public static TheoryData<string> Names => ScenarioTests.Names;

    /// <summary>One scenario: <c>PAGING_SEED=90 Paging.Tests -preEnumerateTheories -explicit on -displayName '*the sentence*'</c>.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Names))]
    public void Holds(string name) => Exploration.AssertHolds(Scenarios.Named(name), ScenarioTests.Seeds);

    /// <summary>All of them, whose results are told to the parent.</summary>
    [Fact(Explicit = true)]
    public void Child()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(ScenarioChild.Variable) is null, "The child of another test.");

        // Its input ends with its parent: nothing is left running either.
        new Thread(static () =>
        {
            Console.In.ReadToEnd();
            Environment.Exit(1);
        })
        { IsBackground = true }.Start();
        foreach (Scenario scenario in Scenarios.All)
        {
            ScenarioChild.Tell(Run(scenario));
        }
    }

    private static ScenarioResult Run(Scenario scenario)
    {
        Dictionary<string, long> before = Coverage.Counts();
        long steps = Exploration.Steps;
        string? failure = null;
        try
        {
            Exploration.AssertHolds(scenario, ScenarioTests.Seeds);
        }
        catch (Exception e)
        {
            failure = e is ScenarioFailedException ? e.Message : e.ToString();
        }

        Dictionary<string, long> made = Coverage.Since(before).Where(static pair => pair.Value != 0).ToDictionary();
        return new ScenarioResult(scenario.Name, Explored.UpTo(scenario), Exploration.Steps - steps, failure, made);
    }
}
#endif
