using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>How many segments of a log the background keeps free beside swap files, so that stores need not wait for one to be
/// written.</summary>
/// <remarks>
/// A sixteenth of the pool while segments fill up. What lies free is of no use to a program that only reads, though: pages that have been
/// read from a file find no room in the pool, and will be read again. So each time a segment's worth of those has been turned away, while
/// no store has opened a segment, one segment less is kept free; and with each that is opened one more, at once.
///
/// This file owns both counts. They are set under the budget's gate, by one thread at a time; bytes are added by any thread, and what is
/// added while the count is set back makes the headroom shrink a little earlier or later.
/// </remarks>
/// <param name="budget">The pool's.</param>
/// <param name="segmentBytes">Bytes of a segment.</param>
internal sealed class Headroom(PoolBudget budget, int segmentBytes)
{
    /// <summary>The least that is kept free.</summary>
    internal const int Least = 2;

    private const int Most = 64;
    private int _givenUp;
    private long _turnedAwayBytes;

    /// <summary>Segments to keep free, of a log that has so many.</summary>
    internal int Of(int segments) => Math.Max(Least, Full(segments) - Shared.Read(SharedWord.Counter, ref _givenUp));

    /// <summary>A store has opened a segment. Under the gate.</summary>
    /// <param name="segments">That the log has: what was given up of a larger pool does not count.</param>
    internal void NoteTakenUnsynchronized(int segments)
    {
        Shared.Exchange(SharedWord.Counter, ref _turnedAwayBytes, 0);
        int givenUp = Math.Min(_givenUp, Full(segments) - Least);
        if (_givenUp > 0)
        {
            Shared.Write(SharedWord.Counter, ref _givenUp, Math.Max(0, givenUp - 1));
        }
    }

    /// <summary>A page that is in no memory but its frame goes, and has found no room in the pool.</summary>
    /// <param name="bytes">Its length.</param>
    /// <param name="segments">That the log has.</param>
    internal void NoteTurnedAway(int bytes, int segments)
    {
        if (Shared.Add(SharedWord.Counter, ref _turnedAwayBytes, bytes) < segmentBytes)
        {
            return;
        }

        using Gate.Scope held = budget.Gate.Enter();
        if (Shared.Read(SharedWord.Counter, ref _turnedAwayBytes) >= segmentBytes)
        {
            Shared.Exchange(SharedWord.Counter, ref _turnedAwayBytes, 0);
            Shared.Write(SharedWord.Counter, ref _givenUp, Math.Min(_givenUp + 1, Full(segments) - Least));
        }
    }

    private static int Full(int segments) => Math.Clamp(segments >> 4, Least, Most);
}
