namespace Paging.Tests.Codecs;

/// <summary>Counts what a thread allocates on the managed heap.</summary>
internal static class Allocations
{
    /// <returns>What this thread allocates for a number of uses, in the round that counted least.</returns>
    /// <remarks>When a collection in the background meets an allocation of another thread, this thread's counter may move by what was
    /// left of its allocation buffer, up to 8 KiB, even if all it does is spin. What the uses allocate is counted in every round.</remarks>
    /// <param name="use">What is counted.</param>
    /// <param name="uses">How often it is done in a round.</param>
    /// <param name="rounds">Rounds at most: none follows one that counted nothing.</param>
    /// <param name="prepare">Done before each round, and not counted.</param>
    public static long Least(Action use, int uses, int rounds = 20, Action? prepare = null)
    {
        long least = long.MaxValue;
        for (int round = 0; round < rounds && least != 0; round++)
        {
            prepare?.Invoke();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < uses; i++)
                use();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
