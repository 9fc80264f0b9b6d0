namespace Paging.Swap;

internal enum LoadResult
{
    Loaded,

    /// <summary>The id has no reference left.</summary>
    Gone,

    /// <summary>The stored bytes fail their checksum, or do not decode.</summary>
    Corrupted,

    /// <summary>As Loaded; the bytes came from a swap file.</summary>
    LoadedFromFile,

    /// <summary>As LoadedFromFile; what is stored there should not stay: the file takes no more segments, or the page was compressed again
    /// when it was cold.</summary>
    LoadedFromFileOnce,

    /// <summary>As Loaded; the page was compressed again when it was cold, and is not any more.</summary>
    LoadedRecompressed,

    /// <summary>The device failed to read the bytes.</summary>
    Unreadable,

    /// <summary>The page was in a swap file that has been removed, and could not be read then.</summary>
    Lost,
}

/// <summary>Where in a swap file a load failed.</summary>
/// <param name="Path">The file; null when the page was not in one.</param>
/// <param name="Offset">In the file, in bytes.</param>
/// <param name="Error">The system's error number; 0 when the bytes came and were wrong.</param>
internal readonly record struct LoadFailure(string? Path, long Offset, int Error)
{
    internal string Describe(LoadResult result) => result switch
    {
        LoadResult.Lost => "it was in a swap file that has been removed since, and could not be read then",
        LoadResult.Unreadable => $"swap file {Path} failed to read it at offset {Offset:N0} (errno {Error})",
        _ when Path is not null => $"it fails its checksum: its stored bytes were damaged in swap file {Path} at offset {Offset:N0}",
        _ => "it fails its checksum: its stored bytes were damaged in memory",
    };
}
