#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Every scenario under many orders of its threads' steps, in a process of its own. In this one:
/// <see cref="ScenarioInProcessTests"/>.</summary>
[Collection(WaitsForScenarios.Name)]
public sealed class ScenarioTests(ITestOutputHelper output)
{
    internal const int Seeds = 120;

    public static TheoryData<string> Names =>
        [.. Scenarios.All.Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Holds(string name)
    {
        ScenarioResult result = await ScenarioChild.Instance.ResultOf(name);
        output.WriteLine($"{result.Steps:N0} steps");
        if (result.Failure is not null)
        {
            Assert.Fail(result.Failure);
        }

        Explored.Add(Scenarios.Named(name), result);
    }

    [Fact]
    public async Task A_child_that_dies_fails_what_it_has_not_run_with_what_it_printed()
    {
        string first = Scenarios.All[0].Name, second = Scenarios.All[1].Name;
        string said = ScenarioChild.Line(new ScenarioResult(first, 5, 6, "some failure\nin two lines", new() { ["a → b"] = 7 }));
        var child = new ScenarioChild("/bin/sh", ["-c", "printf '%s\\n' \"$0\"; echo last words; echo of an error >&2; exit 3", said]);
        ScenarioResult result = await child.ResultOf(first);
        Assert.Equal(
            (first, 5ul, 6L, "some failure\nin two lines", 7L),
            (result.Name, result.Seeds, result.Steps, result.Failure, result.Transitions["a → b"]));
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => child.ResultOf(second));
        Assert.Contains("ended with 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("last words", e.Message, StringComparison.Ordinal);
        Assert.Contains("of an error", e.Message, StringComparison.Ordinal);
    }
}

internal static class Scenarios
{
    internal static IReadOnlyList<Scenario> All { get; } =
        [
            .. PageScenarios.All, .. PressureScenarios.All, .. WaitingScenarios.All, .. WatchScenarios.All, .. ClosingScenarios.All,
            .. SparseScenarios.All, .. StoreScenarios.All, .. WriterScenarios.All, .. ListScenarios.All, .. DirectScenarios.All,
            .. FileScenarios.All, .. ColdScenarios.All, .. ColdRaceScenarios.All, .. PrefetchScenarios.All, .. ReadaheadScenarios.All,
            .. ResizeScenarios.All, .. GatherScenarios.All, .. RangeScenarios.All, .. MappedScenarios.All, .. DatasetScenarios.All,
            .. CloneScenarios.All,
        ];

    internal static Scenario Named(string name) => All.Single(scenario => scenario.Name == name);
}
#endif
