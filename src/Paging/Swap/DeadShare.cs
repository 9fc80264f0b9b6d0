namespace Paging.Swap;

/// <summary>The share of a segment that is dead, in thirty-seconds. Segments are kept in one list for each share.</summary>
/// <remarks>Fine enough that emptying the first segment of the highest list moves at most a thirty-second of a segment more than emptying
/// the best one would; coarse enough that few dying entries change it.</remarks>
internal static class DeadShare
{
    internal const int Ranks = 32;

    /// <summary>The share of a segment that makes a rank, as a shift.</summary>
    internal const int Shift = 5;

    /// <summary>In no list: nothing of it is dead.</summary>
    internal const int Nothing = NumberLists.None;

    /// <summary>The rank of a segment in memory. Emptying a segment gains all bytes of it that are not alive. But where hardly anything is
    /// dead, as in a segment that was sealed early, moving its entries gains nothing.</summary>
    /// <param name="used">Bytes appended.</param>
    /// <param name="live">Bytes that are alive in it.</param>
    /// <param name="bytes">Bytes of a segment.</param>
    internal static int InMemory(int used, int live, int bytes)
    {
        int dead = used - live;
        return dead <= 0 ? Nothing : dead < bytes >> Shift ? 0 : Rank(bytes - live, bytes);
    }

    /// <summary>The rank of a segment in a file; 0 is the lowest.</summary>
    /// <param name="live">Bytes that are alive in it.</param>
    /// <param name="holds">Bytes that it could hold.</param>
    internal static int OnFile(int live, int holds) => holds - live < holds >> Shift ? 0 : Rank(holds - live, holds);

    /// <summary>The lowest rank that a segment with so many dead bytes can have.</summary>
    internal static int AtLeast(int dead, int bytes) => dead < bytes >> Shift ? 0 : Rank(dead, bytes);

    private static int Rank(int part, int bytes) => Math.Clamp((int)(((long)part << Shift) / bytes), 1, Ranks - 1);
}
