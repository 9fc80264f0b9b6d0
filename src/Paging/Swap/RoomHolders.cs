using Paging.Threading;

namespace Paging.Swap;

/// <summary>The threads that hold for a moment what makes room, and how a thread waits for them that has looked for room in vain
/// (<see cref="Room"/>).</summary>
/// <remarks>What another thread took before the look ended it either gives back, which changes <see cref="ChangesFor"/> or lets others try
/// what it tried in vain; or it is seen to hold it, as is what a writer holds that it has given back meanwhile. What it takes later it has not taken
/// from the look. Who waits here holds nothing.</remarks>
internal sealed partial class RoomHolders(SegmentTable segments, PoolBudget budget, Writeback writeback, FileCleaner fileCleaner)
{
    /// <summary>How long a thread waits at a time for another one that is emptying a segment.</summary>
    internal const int WaitMilliseconds = 20;

    /// <summary>How long a thread waits at a time for what nobody signals.</summary>
    private const int PollMilliseconds = 1;

    /// <summary>A page is refused after so many looks even if each time something came free, which others took.</summary>
    private const int MaxLooks = 64;

    /// <summary>After so many looks a thread waits no more for dead segments of a file that nobody empties, nor looks again for what writers
    /// hold that nobody uses.</summary>
    private const int MaxLooksForIdle = 16;

    /// <summary>The same for writers while a file rests, since each look counts as a check of it, and it would be tried again the
    /// sooner.</summary>
    private const int MaxLooksBesideRest = 2;

    /// <summary>Changes whenever memory or a slot comes free, with every budget and file, and with each segment that a writer of the log
    /// takes or seals.</summary>
    /// <param name="log">The log that needs room; null for one that is yet to be made.</param>
    internal long ChangesFor(SegmentLog? log) => budget.Returns + segments.Files.Returns + (log?.Moves ?? 0);

    private EventCount Emptied => fileCleaner.Ended;

    /// <summary>Waits for the threads that hold what makes room, after a look that has found none.</summary>
    /// <param name="log">The log that needs room; null for one that is yet to be made.</param>
    /// <param name="length">The page's length in bytes.</param>
    /// <param name="seen">The count of <see cref="ChangesFor"/> before the look.</param>
    /// <param name="looks">How many looks there have been.</param>
    /// <returns>True when it is worth looking again.</returns>
    internal bool TryAwait(SegmentLog? log, int length, long seen, int looks)
    {
        if (looks >= MaxLooks)
        {
            return false;
        }

        foreach (SegmentLog? each in segments.Logs)
        {
            // Who has the gate copies memory, and waits for nobody.
            each!.Mover.Gate.Enter().Dispose();
        }

        bool hasWaited = false;
        Spinner spinner = default;
        while (ChangesFor(log) == seen)
        {
            long emptied = Emptied.Count;
            long written = writeback.Completions.Count;
            WriterRoom inWriters = LookAtWriters(log, length);
            if (IsAnyEmptying())
            {
                Emptied.TryWaitBeyond(emptied, WaitMilliseconds);
            }
            else if (writeback.InFlight != 0)
            {
                writeback.Completions.TryWaitBeyond(written, WaitMilliseconds);
            }
            else if (inWriters == WriterRoom.Borrowed)
            {
                // A thread stores a page there, or has only looked whether it could; or it is on its way to the next in line. What is left is
                // for others.
                spinner.Once();
            }
            else if (inWriters == WriterRoom.Free && looks < (segments.Files.Rests.IsAny ? MaxLooksBesideRest : MaxLooksForIdle))
            {
                // It was given back behind the look that passed over it; or the cleaner has no room to empty it, so not for ever.
                return true;
            }
            else if (segments.Files.IsTrimming)
            {
                // Free blocks that writers do not find are on their way to the file system, and come back.
                Emptied.TryWaitBeyond(emptied, PollMilliseconds);
            }
            else if (!hasWaited && looks < MaxLooksForIdle && fileCleaner.HasDead)
            {
                // So much is dead of a file, and yet there was no segment to empty: the last readers are about to leave some.
                Emptied.TryWaitBeyond(emptied, PollMilliseconds);
            }
            else
            {
                return hasWaited || ChangesFor(log) != seen;
            }

            hasWaited = true;
        }

        return true;
    }

    /// <summary>Waits for a thread that is emptying a segment through the reserve of a log. As long as it does, others cannot, and the
    /// space that it frees may be the space wanted. False when there is no such thread.</summary>
    /// <param name="seen">The count of segments emptied before the caller looked.</param>
    internal bool TryAwaitEmptier(long seen)
    {
        bool isAny = IsAnyEmptyingInto();
        if (isAny)
        {
            Emptied.TryWaitBeyond(seen, WaitMilliseconds);
        }

        return isAny;
    }

    private bool IsAnyEmptying() => fileCleaner.IsAtWork || IsAnyEmptyingInto();

    private bool IsAnyEmptyingInto()
    {
        foreach (SegmentLog? log in segments.Logs)
        {
            if (log!.Chunks.IsBeingEmptiedInto)
            {
                return true;
            }
        }

        return false;
    }
}
