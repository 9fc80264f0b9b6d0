namespace Paging.Peers.Peers;

/// <summary>Divides the memory that a peer may have among what this library keeps in it.</summary>
/// <remarks>Buffers for files, 4 to 8 MiB, are in the slack that every process has.</remarks>
internal static class PagingBudgets
{
    /// <summary>Page table, descriptor and frame record of a page at most (README), which are beside the budgets.</summary>
    private const int MetadataBytesAPage = 72;

    public static PagerOptions For(PeerContext context, int pageBytes, int framesShare = 8)
    {
        long budget = context.MemoryBytes - (context.DataBytes / pageBytes * MetadataBytesAPage);
        long resident = budget / framesShare;
        return new PagerOptions { ResidentBytes = resident, PoolBytes = budget - resident, PageBytes = pageBytes };
    }

    public static string Describe(PagerOptions options) =>
        $"frames {options.ResidentBytes >> 20} MiB, pool {options.PoolBytes >> 20} MiB, pages of {options.PageBytes >> 10} KiB, "
        + $"{options.Compression}, {options.BackgroundThreads} background thread";
}
