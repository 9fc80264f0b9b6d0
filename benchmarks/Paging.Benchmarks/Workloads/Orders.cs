namespace Paging.Benchmarks.Workloads;

/// <summary>Orders of access, made before anything is timed and the same for both sides.</summary>
internal static class Orders
{
    /// <summary>Operations in a call of the method that does them, see <see cref="ISide"/>.</summary>
    public const int Slice = 256;

    /// <summary>0 to count − 1, shuffled. Run over and over, it returns to a page as late as can be, so that with fewer frames than
    /// pages nearly every access of either side is a fault.</summary>
    public static int[] Permutation(int count, int seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new Random(seed).Shuffle(order);
        return order;
    }

    public static int[] RandomIndexes(int count, int below, int seed)
    {
        Random random = new(seed);
        int[] indexes = new int[count];
        for (int i = 0; i < count; i++)
        {
            indexes[i] = random.Next(below);
        }

        return indexes;
    }

    /// <summary>The order from its middle: two threads that run it so stay half of it apart.</summary>
    public static int[] FromMiddle(int[] order) => [.. order[(order.Length / 2)..], .. order[..(order.Length / 2)]];

    public static ReadOnlySpan<int> SliceAt(int[] order, int from) => order.AsSpan(from, Math.Min(Slice, order.Length - from));
}
