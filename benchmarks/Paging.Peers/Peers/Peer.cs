using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>What a peer is opened with.</summary>
/// <param name="Directory">Its own; it finds there what it left the last time.</param>
/// <param name="RowFile">The rows to load.</param>
/// <param name="MemoryBytes">All that it may hold in memory for the data: caches, buffers, tables.</param>
internal sealed record PeerContext(string Directory, string RowFile, long Rows, long MemoryBytes)
{
    public long DataBytes => Rows * Data.Row.Bytes;

    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Makes something on the disk once: what the last run left complete is taken.</summary>
    public void Once(string name, Action make)
    {
        string done = PathOf(name + ".complete");
        if (!File.Exists(done))
        {
            make();
            File.WriteAllText(done, "");
        }
    }
}

/// <summary>One way to do the job.</summary>
/// <param name="Key">For the command line.</param>
/// <param name="Name">For tables.</param>
/// <param name="IsOurs">This library.</param>
/// <param name="IsLimit">Not held to the memory: what would be left if there were enough.</param>
internal sealed record Peer(string Key, string Name, bool IsOurs, bool IsLimit, Func<PeerContext, IRowReader> Open)
{
    /// <summary>The only workload that it is set up for; null: all that it can do.</summary>
    public string? Only { get; init; }

    /// <summary>Whether it can be asked for assets.</summary>
    public bool HasAssets { get; init; }

    /// <summary>Whether it can tell that it would have to wait for an asset, and need not.</summary>
    public bool CanTry { get; init; }

    /// <summary>Whether its memory is swapped out to zram, for which the machine must have it and the user be root.</summary>
    public bool IsSwapped { get; init; }

    /// <summary>Of the memory given: how much the peer takes beyond its settings. It gets that on top, rather than smaller settings.</summary>
    public double MoreShare { get; init; }

    public static IReadOnlyList<Peer> All { get; } =
    [
        new("paging-map", "Paging, file mapped", true, false, c => new PagingMapped(c, CompressionGoal.Balanced)),
        new("paging-ratio", "Paging, file mapped, Zstd", true, false, c => new PagingMapped(c, CompressionGoal.Ratio)),
        new("paging-dataset", "Paging, dataset", true, false, c => new PagingDataset(c, Data.Row.Bytes)),
        new("paging-swap", "Paging, allocated + swap file", true, false, c => new PagingAllocated(c)),
        new("paging-dataset64", "Paging, dataset in 64 KiB", true, false, c => new PagingDataset(c, 64 << 10)) { Only = "epochs" },
        new("paging-assets", "Paging, file mapped in 64 KiB, mostly frames", true, false, c => new PagingAssets(c, isDataset: false))
            { Only = "assets", HasAssets = true, CanTry = true },
        new("paging-assets-ds", "Paging, dataset in 64 KiB, mostly frames", true, false, c => new PagingAssets(c, isDataset: true))
            { Only = "assets", HasAssets = true, CanTry = true },
        new("arrays", "arrays, unlimited memory", false, true, c => new ManagedArrays(c)) { HasAssets = true, CanTry = true },
        new("mmap", "memory-mapped file", false, false, c => new MappedView(c, random: false)) { HasAssets = true, CanTry = true },
        new("mmap-random", "memory-mapped file, MADV_RANDOM", false, false, c => new MappedView(c, random: true)) { HasAssets = true, CanTry = true },
        new("zram", "zram swap", false, false, c => new SwappedRows(c)) { HasAssets = true, CanTry = true, IsSwapped = true },
        new("rocksdb-lz4", "RocksDB, LZ4, direct", false, false, c => new RocksRows(c, RocksKind.Lz4Direct))
            { HasAssets = true, CanTry = true, MoreShare = 0.5 },
        new("rocksdb-zstd", "RocksDB, Zstd, direct", false, false, c => new RocksRows(c, RocksKind.ZstdDirect))
            { HasAssets = true, CanTry = true, MoreShare = 0.5 },
        new("rocksdb-cached", "RocksDB, LZ4, page cache", false, false, c => new RocksRows(c, RocksKind.Lz4Buffered))
            { HasAssets = true, MoreShare = 0.15 },
        new("lmdb", "LMDB", false, false, c => new LightningRows(c)),
        new("faster", "FASTER", false, false, c => new FasterRows(c)) { HasAssets = true, MoreShare = 0.4 },
    ];
}
