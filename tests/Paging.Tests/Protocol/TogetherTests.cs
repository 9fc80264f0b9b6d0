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

    /// <summary>In single seeds this or that may not come to pass; in some of them all does.</summary>
    [Fact]
    public void All_of_it_happens()
    {
        const ulong FewSeeds = 10;
        (long readAhead, long written, long read, long resized) = TogetherScenarios.Done;
        Exploration.AssertHoldsUpTo(TogetherScenarios.Streams, FewSeeds);
        (long ReadAhead, long Written, long Read, long Resized) done = TogetherScenarios.Done;
        done = (done.ReadAhead - readAhead, done.Written - written, done.Read - read, done.Resized - resized);
        output.WriteLine($"{done}");
        Assert.All([done.ReadAhead, done.Written, done.Read, done.Resized], static count => Assert.True(count >= (long)FewSeeds));
    }
}
#endif
