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

    /// <summary>As it was given: the directory, or the name that the file would have.</summary>
    public string Path { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>Bytes that hold segments, and those that are not used any more because writing there failed.</summary>
    public long UsedBytes => Area.UsedBytes;

    /// <summary>True when it was opened with O_DIRECT; false where the file system refuses it (tmpfs does on old kernels).</summary>
    public bool IsDirect => Area.Device.IsDirect;

    /// <summary>Higher is filled first.</summary>
    public int Priority { get; }

    /// <summary>Whether what is written is encrypted.</summary>
    public bool IsEncrypted { get; }

    /// <summary>Its blocks. Given by who makes this.</summary>
    internal SwapArea Area { get; init; } = null!;

    internal bool BelongsTo(PagingDomain domain) => _domain == domain;

    /// <summary>Hands the space of free parts back to the file system (punch hole). It is not set aside any more then: a later write there may
    /// find the disk full, which costs no data.</summary>
    /// <returns>Bytes handed back; 0 where the file system cannot take any.</returns>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public long TrimFreeSpace()
    {
        using PagingDomain.Scope held = _domain.Enter();
        return Area.TrimFree();
    }
}
