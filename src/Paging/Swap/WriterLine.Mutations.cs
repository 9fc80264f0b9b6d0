using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed partial class WriterLine
{
    /// <summary>Whether a writer is handed to the first in line when its turn has come.</summary>
    private static bool MayHandOver => !TestHook.Breaks(Mutation.NeverHandOver);

    /// <summary>Wakes the thread that has become the first, if there is one of this number.</summary>
    private void WakeFirst(long number, long end)
    {
        if (!TestHook.Breaks(Mutation.LeaveNextAsleep))
        {
            Wake(number, end);
        }
    }
}
