namespace Paging.Tests.Protocol;

/// <summary>Everything that breaks rules on purpose, counts transitions or measures what the process has reserved: not beside other tests.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "Protocol, alone";
}
