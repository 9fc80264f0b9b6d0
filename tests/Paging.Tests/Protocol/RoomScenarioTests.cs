#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>A pool and a file that are full, much of the file dead, and threads that make room through the same reserve.</summary>
[Collection(Alone.Name)]
public sealed class RoomScenarioTests
{
    private const ulong Seeds = 300;

    [Fact]
    public void What_fits_is_not_refused() => Exploration.AssertHoldsUpTo(FileScenarios.RoomAmongOthers, Seeds);
}
#endif
