using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Swap;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class SegmentTable
{
    /// <summary>Whether a pin keeps a segment where it is (rule 5).</summary>
    private static bool PinsHold => !TestHook.Breaks(Mutation.SkipSegmentPin);

    /// <summary>Counts out an entry of a segment that may change sides meanwhile: never done (rule 5).</summary>
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
