namespace Paging;

/// <summary>A file for the coldest pages: its place, its size, and how it is used.</summary>
public sealed record SwapFileOptions
{
    /// <summary>A name that does not exist yet, in a directory that does; or a directory. The file is created with mode 0600, and no link
    /// is followed. It has no name from the beginning (O_TMPFILE), or loses its name as soon as it exists, so that nothing is left of it
    /// however the process ends.</summary>
    public required string Path { get; init; }

    /// <summary>Size in bytes: a multiple of 4096 that holds at least two segments. The space is allocated at once, so that a full disk is
    /// found then.</summary>
    public required long Bytes { get; init; }

    /// <summary>Files of higher priority are filled first. Files of equal priority take turns.</summary>
    public int Priority { get; init; }

    /// <summary>Whether to encrypt and authenticate the file (AES-256-GCM), with a random key that only this process has.</summary>
    public bool Encrypt { get; init; }
}
