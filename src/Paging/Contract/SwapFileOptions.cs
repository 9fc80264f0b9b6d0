namespace Paging;

/// <summary>A file for the coldest pages: where, how large, and how it is used.</summary>
public sealed record SwapFileOptions
{
    /// <summary>A name that does not exist yet in a directory that does, or a directory. The file is created with mode 0600, following no link,
    /// and has no name from the beginning (O_TMPFILE) or from the moment it exists, so that nothing is left of it however the process
    /// ends.</summary>
    public required string Path { get; init; }

    /// <summary>Size in bytes, a multiple of 4096 that holds at least two segments. Set aside at once, so that a full disk is found then.</summary>
    public required long Bytes { get; init; }

    /// <summary>Higher is filled first; equal ones take turns.</summary>
    public int Priority { get; init; }

    /// <summary>Encrypt and authenticate with a random key that lives only in this process (AES-256-GCM).</summary>
    public bool Encrypt { get; init; }
}
