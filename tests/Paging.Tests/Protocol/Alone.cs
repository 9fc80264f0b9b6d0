namespace Paging.Tests.Protocol;

/// <summary>Everything that breaks rules on purpose, counts transitions or measures what the process has reserved: not beside other tests.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone : ICollectionFixture<Alone.Beginning>
{
    public const string Name = "Protocol, alone";

    /// <summary>Before the first of them.</summary>
    public sealed class Beginning
    {
        public Beginning()
        {
#if DEBUG
            if (ScenarioChild.IsWanted)
            {
                _ = ScenarioChild.Instance;
            }
#endif
        }
    }
}
