namespace Paging;

/// <summary>What compression spends its time on.</summary>
public enum CompressionGoal
{
    /// <summary>Pages are stored as they are, so a fault is a copy. Pages that repeat a pattern of up to 16 bytes still take no
    /// space.</summary>
    None,

    /// <summary>The fastest faults: LZ4, behind a filter only where the filter is undone fast enough.</summary>
    Speed,

    /// <summary>LZ4 behind the filter that saves most. Pages that have gone cold are compressed again with Zstd in the
    /// background.</summary>
    Balanced,

    /// <summary>The most pages per byte: Zstd at once. Faults take several times as long as with <see cref="Balanced"/>.</summary>
    Ratio,
}
