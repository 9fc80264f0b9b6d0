#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The scenarios of gathers are about reads that are begun ahead, so there have to be some, also where single seeds may do
/// without.</summary>
[Collection(Alone.Name)]
public sealed class GatherScenarioTests
{
    private const ulong Seeds = 20;

    public static TheoryData<string> Names =>
        [.. GatherScenarios.All.Except([GatherScenarios.AllReadsFail]).Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_are_read_ahead(string name)
    {
        long before = GatherScenarios.ReadAhead;
        Exploration.AssertHoldsUpTo(Scenarios.Named(name), Seeds);
        Assert.True(GatherScenarios.ReadAhead > before + ((long)Seeds / 4), $"{GatherScenarios.ReadAhead - before} reads in {Seeds} seeds");
    }
}
#endif
