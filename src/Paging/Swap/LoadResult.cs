namespace Paging.Swap;

internal enum LoadStatus
{
    Loaded,

    /// <summary>The id has no reference left.</summary>
    Gone,

    /// <summary>The stored bytes fail their checksum, or do not decode.</summary>
    Corrupted,

    /// <summary>The device failed to read the bytes.</summary>
    Unreadable,

    /// <summary>The page was in a swap file that has been removed, and could not be read then.</summary>
    Lost,

    /// <summary>The page is in a file, and only one in memory was asked for.</summary>
    InFile,

    /// <summary>The page was redundant, and has been dropped: its owner has it from elsewhere.</summary>
    Dropped,

    /// <summary>The page was never written, so it is in the file that its array was mapped from, and that file could not be
    /// read.</summary>
    SourceFailed,

    /// <summary>As <see cref="SourceFailed"/>: the file has become shorter, and ends before the page does.</summary>
    SourceEnded,

    /// <summary>The page was never written, so it is in a chunk of the dataset that its array was opened from, and that chunk is
    /// damaged.</summary>
    SourceDamaged,

    /// <summary>The entry has moved or gone meanwhile: look again. Used only within the loader.</summary>
    Moved,
}

/// <summary>The outcome of a load. Small, since every fault has one: what there is to say of a failure is apart.</summary>
internal readonly record struct LoadResult(LoadStatus Status)
{
    internal bool IsLoaded => Status == LoadStatus.Loaded;

    /// <summary>Whether the bytes came from a file.</summary>
    internal bool IsFromFile { get; init; }

    /// <summary>Whether it came from what backs its array, from where it can be loaded again.</summary>
    internal bool IsFromBacking { get; init; }

    /// <summary>Whether the stored copy should be replaced: its file takes no more segments.</summary>
    internal bool IsOutdated { get; init; }

    /// <summary>Whether the stored copy was made for a cold page, and takes long to decode.</summary>
    internal bool IsRecompressed { get; init; }

    /// <summary>What failed in a file; null when all went well, or no file was read.</summary>
    internal LoadFailure? Failure { get; init; }

    /// <summary>What lets the page be used again, as the end of a sentence.</summary>
    internal string Remedy => Status is LoadStatus.SourceFailed or LoadStatus.SourceEnded or LoadStatus.SourceDamaged
        ? "read this one again when the file is well, or overwrite or discard it"
        : "overwrite or discard this one to use it again";

    /// <summary>Why a page cannot be loaded, as the middle of a sentence.</summary>
    internal string Describe() => (Status, Failure) switch
    {
        (LoadStatus.Lost, _) => "it was in a swap file that has been removed since, and could not be read then",
        (_, null) => "it fails its checksum: its stored bytes were damaged in memory",
        (LoadStatus.SourceFailed, { } why) =>
            $"file '{why.Path}', of which it is a part, failed to be read at offset {why.Offset:N0} (errno {why.Error})",
        (LoadStatus.SourceDamaged, { } why) => $"file '{why.Path}' of its dataset is damaged: {why.Detail}",
        (LoadStatus.SourceEnded, { } why) =>
            $"it lies at offset {why.Offset:N0} of file '{why.Path}', which has become shorter since it was mapped: {why.FileBytes:N0} bytes",
        (_, { MissingBytes: > 0 } why) =>
            $"it was at offset {why.Offset:N0} of swap file {why.Path}, which another process has cut: to {why.FileBytes:N0} bytes of "
            + $"{why.FileBytes + why.MissingBytes:N0} ({(why.Error != 0 ? $"errno {why.Error}" : "it fails its checksum")})",
        (LoadStatus.Unreadable, { } why) => $"swap file {why.Path} failed to read it at offset {why.Offset:N0} (errno {why.Error})",
        (_, { } why) => $"it fails its checksum: its stored bytes were damaged in swap file {why.Path} at offset {why.Offset:N0}",
    };
}

/// <summary>Where in a file a load failed, and why.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">The offset in that file, in bytes.</param>
internal sealed record LoadFailure(string Path, long Offset)
{
    /// <summary>The system's error number; 0 when the bytes were read and were wrong.</summary>
    internal int Error { get; init; }

    /// <summary>What is wrong with a dataset, as the end of a sentence; null where nothing was looked at but a file.</summary>
    internal string? Detail { get; init; }

    /// <summary>The length in bytes that a file has now which has become too short.</summary>
    internal long FileBytes { get; init; }

    /// <summary>By how many bytes a swap file is shorter than it was made.</summary>
    internal long MissingBytes { get; init; }
}
