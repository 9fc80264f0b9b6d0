namespace Paging.Peers.Peers;

/// <summary>Divides the memory that a peer may have among what this library keeps in it.</summary>
internal static class PagingBudgets
{
    /// <summary>Page table, descriptor and frame record of a page at most (README), which are beside the budgets.</summary>
    private const int MetadataBytesAPage = 72;

    public static PagerOptions For(PeerContext context, int pageBytes, double framesShare = 8)
    {
        long budget = context.MemoryBytes - (context.DataBytes / pageBytes * MetadataBytesAPage);
        budget -= BufferBytes((long)(budget / framesShare), pageBytes);
        long resident = (long)(budget / framesShare);
        return new PagerOptions { ResidentBytes = resident, PoolBytes = budget - resident, PageBytes = pageBytes };
    }

    /// <summary>Buffers for reading files and for decoding chunks (README), which are beside the budgets too. The slack that every process has
    /// is for what the library promises nothing about.</summary>
    private static long BufferBytes(long resident, int pageBytes) =>
        Math.Clamp(resident / 4, 2 << 20, 10 << 20) + Math.Min(resident / 16, 4 << 20) + (16L * pageBytes);

    public static string Describe(PagerOptions options) =>
        $"frames {options.ResidentBytes >> 20} MiB, pool {options.PoolBytes >> 20} MiB, pages of {options.PageBytes >> 10} KiB, "
        + $"{options.Compression}, {options.BackgroundThreads} background thread";
}
