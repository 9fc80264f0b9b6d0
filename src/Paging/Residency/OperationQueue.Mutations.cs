using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed partial class OperationQueue
{
    /// <summary>Whether a thread works on an operation, and will complete it.</summary>
    private static bool IsWorkedOn(PageOperation operation) =>
        (operation.Active != 0) & !TestHook.Breaks(Mutation.CompleteUnderWorkers);
}
