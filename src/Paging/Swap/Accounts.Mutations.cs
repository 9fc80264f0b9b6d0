using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class Accounts
{
    /// <summary>Whether an entry is credited before it is published (rule 6).</summary>
    private static bool CreditsBefore => !TestHook.Breaks(Mutation.CreditAfterPublishing);

    /// <summary>An entry has been published or moved. It has been credited before.</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    internal static void NotePublished(Segment* segment, in EntrySize size)
    {
        if (!CreditsBefore)
        {
            Add(segment, size);
        }
    }
}
