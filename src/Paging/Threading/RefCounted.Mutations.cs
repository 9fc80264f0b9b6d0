using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal abstract partial class RefCounted
{
    /// <summary>Whether the last user has left.</summary>
    private static bool IsClosed(int users) => (users == 0) & !TestHook.Breaks(Mutation.ReviveClosed);
}
