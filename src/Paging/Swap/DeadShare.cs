namespace Paging.Swap;

/// <summary>The share of a segment that is dead, as a rank: in thirty-seconds, and below one of them in powers of two. Segments are kept in
/// one list for each rank.</summary>
/// <remarks>Fine enough that emptying the first segment of the highest list moves at most a thirty-second of a segment more than emptying
/// the best one would, and where hardly anything is dead anywhere, at most twice as much for each byte gained; coarse enough that few dying
/// entries change it.</remarks>
internal static class DeadShare
{
    internal const int Ranks = SmallRanks + 31;

    /// <summary>Ranks of segments of which less than a thirty-second is dead: by halves, down to a five hundred and twelfth.</summary>
    private const int SmallRanks = 5;

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
        return dead <= 0 ? Nothing : dead < bytes >> Shift ? SmallRank(dead, bytes) : Rank(bytes - live, bytes);
    }

    /// <summary>The rank of a segment in a file; 0 is the lowest.</summary>
    /// <param name="live">Bytes that are alive in it.</param>
    /// <param name="holds">Bytes that it could hold.</param>
    internal static int OnFile(int live, int holds) => AtLeast(holds - live, holds);

    /// <summary>The lowest rank that a segment with so many dead bytes can have.</summary>
    internal static int AtLeast(int dead, int bytes) => dead < bytes >> Shift ? SmallRank(dead, bytes) : Rank(dead, bytes);

    /// <summary>The lowest rank that a segment with such a share of it dead can have.</summary>
    internal static int AtLeast(double share) => AtLeast((int)(share * (1 << 20)), 1 << 20);

    private static int Rank(int part, int bytes) => SmallRanks - 1 + Math.Clamp((int)(((long)part << Shift) / bytes), 1, 31);

    private static int SmallRank(int dead, int bytes)
    {
        int rank = 0;
        while (rank < SmallRanks - 1 && dead >= bytes >> (Shift + SmallRanks - 1 - rank))
        {
            rank++;
        }

        return rank;
    }
}
