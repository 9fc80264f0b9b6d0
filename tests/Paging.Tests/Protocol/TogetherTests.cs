#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>Everything at once under many orders of its threads' steps. For more of them:
/// <c>PAGING_SEEDS=1000 Paging.Tests -class '*TogetherTests'</c>.</summary>
[Collection(Alone.Name)]
public sealed class TogetherTests(ITestOutputHelper output)
{
    private const int Seeds = 50;

    public static TheoryData<string> Names => [.. TogetherScenarios.All.Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Holds(string name)
    {
        long steps = Exploration.Steps;
        Exploration.AssertHolds(TogetherScenarios.All.Single(scenario => scenario.Name == name), Seeds);
        output.WriteLine($"{Exploration.Steps - steps:N0} steps");
    }
}
#endif
