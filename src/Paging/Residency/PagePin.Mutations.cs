using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal unsafe partial struct PagePin
{
    /// <summary>Whether nobody uses the page of an owner that has let go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsUnused(int state) => ((state & ~LetGo) == 0) | TestHook.Breaks(Mutation.ReleaseUnderHandles);
}
