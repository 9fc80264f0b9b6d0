using System.Runtime.CompilerServices;
using Paging.Memory;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The steps that a test control breaks on purpose, to show that the tests notice. Without the test seam each member does only
/// what its name says.</summary>
internal sealed unsafe partial class FaultHandler
{
    /// <summary>Resident and clean → resident and dirty, with one more pin, in one CAS (rule 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPinForWriting(FrameClass size, ulong* page, ulong word, in LeaseWait wait, out bool refused, ref Shortage shortage)
    {
        if (TestHook.Breaks(Mutation.DirtyAfterPin))
        {
            refused = false;
            return PinThenDirty(size, page, word);
        }

        return TryDirtyAndPin(size, page, word, wait, out refused, ref shortage);
    }

    /// <summary>The broken form of rule 1: a CAS of its own sets the dirty bit after the pin, and fails when a reader pins in
    /// between.</summary>
    private bool PinThenDirty(FrameClass size, ulong* page, ulong word)
    {
        if (!PageWord.TryPin(page, word, PageWord.Referenced))
        {
            return false;
        }

        if (PageWord.TryPin(page, (word + PageWord.PinOne) | PageWord.Referenced, PageWord.Dirty))
        {
            size.TryReserveDirty(capacity: 0, force: true);
            PageWord.Unpin(page);
            FreeCopy(size.RecordOf(PageWord.Offset(word)));
        }

        return true;
    }

    /// <summary>Whether the caller's pin is still held while it frees the copy (rule 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool KeepsPin(ulong* page)
    {
        if (TestHook.Breaks(Mutation.FreeCopyAfterUnpin))
        {
            PageWord.Unpin(page);
            return false;
        }

        return true;
    }

    /// <summary>Takes the stored copy of a page that becomes dirty out of its record (rule 2); 0 when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint TakeCopy(FrameRecord* record) => TestHook.Breaks(Mutation.KeepStaleCopy) ? 0 : Evictor.TakeStored(record);
}
