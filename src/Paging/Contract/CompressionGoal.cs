namespace Paging;

/// <summary>What compression is to spend its time on.</summary>
public enum CompressionGoal
{
    /// <summary>Pages are stored as they are: a fault is a copy. Pages that repeat a pattern of up to 16 bytes still take no space.</summary>
    None,

    /// <summary>The fastest faults: LZ4, behind a filter only where that decodes fast enough.</summary>
    Speed,

    /// <summary>LZ4 behind the filter that saves most; what has gone cold is compressed again with Zstd in the background.</summary>
    Balanced,

    /// <summary>The most pages per byte: Zstd at once. Faults take several times as long as those of <see cref="Balanced"/>.</summary>
    Ratio,
}
