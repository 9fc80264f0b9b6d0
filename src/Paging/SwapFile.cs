using Paging.Residency;
using Paging.Swap;

namespace Paging;

/// <summary>A swap file in use. Thread-safe.</summary>
public sealed class SwapFile
{
    private readonly PagingDomain _domain;

    internal SwapFile(PagingDomain domain, SwapFileOptions options)
    {
        _domain = domain;
        Path = options.Path;
        Bytes = options.Bytes;
        Priority = options.Priority;
        IsEncrypted = options.Encrypt;
    }

    /// <summary>The path as it was given: the directory, or the name that the file would have.</summary>
    public string Path { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Bytes that hold segments, and those that are not used any more because a write there failed.</summary>
    public long UsedBytes => Area.UsedBytes;

    /// <summary>True when the file was opened with O_DIRECT; false where the file system refuses that (tmpfs does on old
    /// kernels).</summary>
    public bool IsDirect => Area.Device.IsDirect;

    /// <summary>Files of higher priority are filled first.</summary>
    public int Priority { get; }

    /// <summary>Whether the file's contents are encrypted.</summary>
    public bool IsEncrypted { get; }

    /// <summary>The file as segments see it. Set by the pager, which makes this object.</summary>
    internal SwapArea Area { get; init; } = null!;

    internal bool BelongsTo(PagingDomain domain) => _domain == domain;

    /// <summary>Gives the space of free parts back to the file system (punch hole). That space is not allocated to the file any more: a
    /// later write there may find the disk full, which loses no data.</summary>
    /// <returns>Bytes given back; 0 where the file system cannot take any.</returns>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public long TrimFreeSpace()
    {
        using DomainScope held = _domain.Enter();
        return Area.TrimFree();
    }
}
