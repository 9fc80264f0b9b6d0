namespace Paging;

/// <summary>How a dataset is written.</summary>
public sealed record DatasetOptions
{
    /// <summary>What compression spends its time on: LZ4 for <see cref="CompressionGoal.Speed"/>, Zstd for
    /// <see cref="CompressionGoal.Balanced"/> and, more thoroughly, for <see cref="CompressionGoal.Ratio"/>, the default.</summary>
    public CompressionGoal Compression { get; init; } = CompressionGoal.Ratio;

    /// <summary>Bytes of a chunk before it is compressed, of which one fault reads one: from an element (or a row) to 4 MiB; as many whole
    /// elements (or rows) as fit. Null takes the array's page size.</summary>
    public int? ChunkBytes { get; init; }

    /// <summary>Bytes of a shard before it is compressed: 1 or more, and at least a chunk. Each is a file. Default 256 MiB.</summary>
    public long ShardBytes { get; init; } = 256L << 20;

    /// <summary>Whether a dataset that has the name already, or an empty directory, is replaced, when the new one is complete. Nothing else
    /// ever is. Default false.</summary>
    public bool Overwrite { get; init; }
}
