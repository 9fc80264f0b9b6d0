#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Every scenario under many orders of its threads' steps.</summary>
[Collection(Alone.Name)]
public sealed class ScenarioTests(ITestOutputHelper output)
{
    private const int Seeds = 250;

    public static TheoryData<string> Names =>
        [.. Scenarios.All.Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Holds(string name)
    {
        long steps = Exploration.Steps;
        Exploration.AssertHolds(Scenarios.Named(name), Seeds);
        output.WriteLine($"{Exploration.Steps - steps:N0} steps");
    }
}

internal static class Scenarios
{
    internal static IReadOnlyList<Scenario> All { get; } =
        [.. PageScenarios.All, .. PressureScenarios.All, .. WaitingScenarios.All, .. WatchScenarios.All, .. ClosingScenarios.All, .. SparseScenarios.All, .. StoreScenarios.All, .. ListScenarios.All, .. DirectScenarios.All, .. FileScenarios.All, .. ColdScenarios.All, .. ColdRaceScenarios.All, .. PrefetchScenarios.All, .. ReadaheadScenarios.All, .. ResizeScenarios.All, .. GatherScenarios.All, .. MappedScenarios.All];

    internal static Scenario Named(string name) => All.Single(scenario => scenario.Name == name);
}
#endif
