using Paging.Tests.Architecture;
using Paging.Tests.Protocol;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(WaitingLast))]

namespace Paging.Tests.Architecture;

/// <summary>Ends with the tests that wait for another process, which begins with those that run alone in this one (<see cref="Alone"/>) and
/// leave it a processor. The rest is in the usual order.</summary>
internal sealed class WaitingLast : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection
    {
#if DEBUG
        if (testCollections.Any(static collection => Waits(collection)))
        {
            ScenarioChild.IsWanted = true;
        }
#endif
        return [.. DefaultTestCollectionOrderer.Instance.OrderTestCollections(testCollections).OrderBy(static collection => Waits(collection))];
    }

    private static bool Waits(ITestCollection collection) => collection.TestCollectionDisplayName == WaitsForScenarios.Name;
}
