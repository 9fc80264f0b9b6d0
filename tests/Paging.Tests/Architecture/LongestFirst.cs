using Paging.Tests.Architecture;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace Paging.Tests.Architecture;

/// <summary>Begins with the tests that wait for another process for most of a minute, so that the others run meanwhile. The rest is in the
/// usual order.</summary>
internal sealed class LongestFirst : ITestCollectionOrderer
{
    private const string Longest = "Paging.Tests.Protocol.ScenarioTests";

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. DefaultTestCollectionOrderer.Instance.OrderTestCollections(testCollections)
            .OrderBy(static collection => !collection.TestCollectionDisplayName.Contains(Longest, StringComparison.Ordinal))];
}
