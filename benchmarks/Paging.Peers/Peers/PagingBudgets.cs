namespace Paging.Peers.Peers;

/// <summary>Divides the memory that a peer may have among what this library keeps in it.</summary>
internal static class PagingBudgets
{
    /// <summary>Page table, descriptor and frame record of a page at most (README), which are beside the budgets.</summary>
    private const int MetadataBytesAPage = 72;

    /// <summary>Buffers for reading files, and the codecs' scratch memory.</summary>
    private const long BufferBytes = 8 << 20;

    public static PagerOptions For(PeerContext context, int pageBytes)
    {
        long budget = context.MemoryBytes - (context.DataBytes / pageBytes * MetadataBytesAPage) - BufferBytes;
        long resident = budget / 8;
        return new PagerOptions { ResidentBytes = resident, PoolBytes = budget - resident, PageBytes = pageBytes };
    }

    public static string Describe(PagerOptions options) =>
        $"frames {options.ResidentBytes >> 20} MiB, pool {options.PoolBytes >> 20} MiB, pages of {options.PageBytes >> 10} KiB, "
        + $"{options.Compression}, {options.BackgroundThreads} background thread";
}
