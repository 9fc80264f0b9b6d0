namespace Paging.Swap;

/// <summary>How much of a segment is dead, in thirty-seconds: what its lists are by.</summary>
/// <remarks>Fine enough that the first of the highest list moves at most a thirty-second of a segment more than the best one would, and coarse enough that few of the
/// entries that die change it.</remarks>
internal static class DeadShare
{
    internal const int Ranks = 32;

    /// <summary>So much of a segment makes a rank, as a shift.</summary>
    internal const int Shift = 5;

    /// <summary>Not in any list: nothing of it is dead.</summary>
    internal const int Nothing = NumberLists.None;

    /// <summary>The rank of a segment in memory. Emptying one gains what does not live in it; but where hardly anything is dead, as in one that was sealed
    /// early, moving it only moves it.</summary>
    /// <param name="used">Bytes appended.</param>
    /// <param name="live">Bytes that live in it.</param>
    /// <param name="bytes">Bytes of a segment.</param>
    internal static int InMemory(int used, int live, int bytes)
    {
        int dead = used - live;
        return dead <= 0 ? Nothing : dead < bytes >> Shift ? 0 : Rank(bytes - live, bytes);
    }

    /// <summary>The rank of a segment in a file, from 0.</summary>
    /// <param name="live">Bytes that live in it.</param>
    /// <param name="holds">Bytes that could.</param>
    internal static int OnFile(int live, int holds) => holds - live < holds >> Shift ? 0 : Rank(holds - live, holds);

    /// <summary>The lowest rank that a segment with so much dead can have.</summary>
    internal static int AtLeast(int dead, int bytes) => dead < bytes >> Shift ? 0 : Rank(dead, bytes);

    private static int Rank(int part, int bytes) => Math.Clamp((int)(((long)part << Shift) / bytes), 1, Ranks - 1);
}
