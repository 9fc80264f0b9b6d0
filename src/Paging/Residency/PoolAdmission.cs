using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Which clean pages the pool is to have anew when they are evicted, though they could be had again from a file, or from a copy
/// that takes long to decode: pages of swap files, of mapped files and datasets, and those that were recompressed.</summary>
/// <remarks>
/// Decided in two steps. When a page comes into a frame, its wish is noted in the frame's record (<see cref="WishFor"/>), since only then
/// is it known where the page came from and how long it was away. When it goes, the wish is granted if there is room for it
/// (<see cref="HasRoomFor"/>). Between the two, <see cref="FrameClock"/> raises the wish of a page that is used all the time.
///
/// Any thread may call anything at any time: what is read here may change at once, and a wrong answer costs an encoding or a read.
/// </remarks>
internal static unsafe class PoolAdmission
{
    /// <summary>What is to become of a page when it is evicted clean.</summary>
    /// <remarks>A page that comes in for the first time as one of a stream is, as far as anybody knows, of a file that is read once: to
    /// encode it then would slow the stream down for nothing.</remarks>
    /// <param name="clock">The pager's.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="size">Its size.</param>
    /// <param name="word">Its word before.</param>
    /// <param name="isBackSoon">Whether it was away for less than as many faults as there are frames.</param>
    /// <param name="isChosen">Whether it was faulted on, and not as one of a stream, or the program asked for it.</param>
    internal static PoolWish WishFor(
        FrameClock clock, in LoadResult source, FrameClass size, ulong word, bool isBackSoon, bool isChosen)
    {
        if (source.IsOutdated
            || (isBackSoon && (source.IsFromFile || source.IsRecompressed))
            || (source.IsFromBacking && clock.IsWithinReach(size, word)))
        {
            return PoolWish.IfAtHand;
        }

        return source.IsRecompressed || (source.IsFromFile && (isChosen || FrameClock.IsBack(word))) ? PoolWish.IfUnused : PoolWish.None;
    }

    /// <summary>Whether a clean page that is about to be evicted is to be stored in the pool anew.</summary>
    /// <param name="swap">The pager's.</param>
    /// <param name="wish">What is wished for it.</param>
    /// <param name="length">The size of a page.</param>
    /// <param name="record">The record of its frame: perhaps another page's by now.</param>
    internal static bool HasRoomFor(SwapStore swap, PoolWish wish, int length, FrameRecord* record) => wish switch
    {
        PoolWish.None => false,
        PoolWish.IfUnused => HasRoomUnused(swap, length, record),
        _ => swap.HasRoomAtHand(length, IsRedundant(swap, record)),
    };

    private static bool HasRoomUnused(SwapStore swap, int length, FrameRecord* record)
    {
        if (swap.LogFor(length) is not { } log)
        {
            return false;
        }

        if (log.HasUnused)
        {
            return true;
        }

        // Not where the pool has it, and only a copy that is quicker to decode was wanted.
        uint stored = Shared.Read(SharedWord.FrameRecord, &record->Stored);
        if (stored == 0 || !swap.IsInMemory(stored))
        {
            log.NoteTurnedAway(length);
        }

        return false;
    }

    /// <summary>Whether a clean page can be had again without a stored copy: it has none, and so is as what backs its array (or zeroes),
    /// or has one that is redundant itself.</summary>
    internal static bool IsRedundant(SwapStore swap, FrameRecord* record)
    {
        uint stored = Shared.Read(SharedWord.FrameRecord, &record->Stored);
        return stored == 0 || swap.Descriptors.IsRedundant(stored);
    }
}
