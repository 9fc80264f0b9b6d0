namespace Paging.Tests.Protocol;

/// <summary>Everything that waits for the process that runs the scenarios. Run after all other tests.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WaitsForScenarios
{
    public const string Name = "Scenarios";
}
