#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>What came of the seeds of one scenario, as a child process tells it.</summary>
/// <param name="Name">Of the scenario.</param>
/// <param name="Seeds">The seeds that were run, from the first one; 0 if that is not to be relied on.</param>
/// <param name="Steps">Of all threads.</param>
/// <param name="Failure">Null when all hold.</param>
/// <param name="Transitions">How often each one was made.</param>
internal sealed record ScenarioResult(string Name, ulong Seeds, long Steps, string? Failure, Dictionary<string, long> Transitions);
#endif
