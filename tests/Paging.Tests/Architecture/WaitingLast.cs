using Paging.Tests.Architecture;
using Paging.Tests.Protocol;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(WaitingLast))]

namespace Paging.Tests.Architecture;

/// <summary>Ends with the tests that wait for another process, and begins that process at once, so that it has a processor throughout: beside
/// the tests that run alone in this one, too. The rest is in the usual order.</summary>
internal sealed class WaitingLast : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection
    {
#if DEBUG
        if (testCollections.Any(static collection => Waits(collection)))
        {
            _ = ScenarioChild.Instance;
        }
#endif
        return [.. DefaultTestCollectionOrderer.Instance.OrderTestCollections(testCollections).OrderBy(static collection => Waits(collection))];
    }

    private static bool Waits(ITestCollection collection) => collection.TestCollectionDisplayName == WaitsForScenarios.Name;
}
