using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class SegmentTable
{
    /// <summary>Whether a pin keeps a segment where it is (rule 5).</summary>
    private static bool PinsHold => !TestHook.Breaks(Mutation.SkipSegmentPin);

    /// <summary>Counts out an entry of a segment that may move between memory and file meanwhile: never done (rule 5).</summary>
    private bool TryDropUnpinned(int segment, in EntrySize size)
    {
        if (!TestHook.Breaks(Mutation.CountOutUnpinned))
        {
            return false;
        }

        bool onFile = SegmentWord.State(SegmentWord.Load(&this[segment]->Word)) is SegmentState.OnFile or SegmentState.FileCleaning;
        Accounts.Freed(this[segment], size, onFile);
        Debit(segment, size, onFile);
        return true;
    }

    /// <summary>A segment may be empty. Its slot is given back when its last reader has left (rule 5).</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    private void NoteRetiring(int segment)
    {
        if (TestHook.Breaks(Mutation.FreeSlotUnderReaders) && Volatile.Read(ref this[segment]->Live) == 0 && this[segment]->File != 0
            && SegmentWord.State(SegmentWord.Load(&this[segment]->Word)) == SegmentState.OnFile)
        {
            Files.Free(this[segment], _logs[this[segment]->Log]!.SegmentBytes);
        }
    }
}
