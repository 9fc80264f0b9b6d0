namespace Paging.Diagnostics;

/// <summary>Where a fault found its page.</summary>
internal enum FaultTier : byte
{
    None,

    /// <summary>Nothing was stored: zeroes, or the page was overwritten as a whole.</summary>
    Untouched,
    Pool,
    File,
}
