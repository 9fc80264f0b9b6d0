using Paging.Codecs;
using Paging.Diagnostics;
using Paging.Residency;
using Paging.Swap;
using Paging.Threading;

namespace Paging;

/// <summary>Names a stored page. The id does not tell where the page is; its swap descriptor does. The default value names no
/// page.</summary>
/// <param name="Value">The id as a number, without meaning of its own.</param>
public readonly record struct SwapId(ulong Value);

/// <summary>Pages stored by id, for programs that manage residency themselves.</summary>
/// <remarks>Thread-safe. It accepts only the ids that it has given out: freed ids, forged ids and the ids of arrays' pages are
/// refused.</remarks>
public sealed unsafe class SwapSpace
{
    private readonly PagingDomain _domain;
    private readonly SwapStore _store;

    internal SwapSpace(PagingDomain domain)
    {
        _domain = domain;
        _store = domain.Swap;
    }

    /// <summary>Stores a page of 1 byte to 4 MiB. The source may be reused when this returns.</summary>
    /// <param name="page">The bytes.</param>
    /// <returns>The id, with one reference.</returns>
    /// <exception cref="ArgumentException">The page is empty, longer than 4 MiB, or too long for a pool of this size.</exception>
    /// <exception cref="OutOfPagingSpaceException">There is no room. Nothing was stored.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public SwapId Store(ReadOnlySpan<byte> page)
    {
        CheckLength(page);
        DroppedArrays.Attempt dropped = default;
        bool goOn = true;
        while (true)
        {
            SwapId id = TryStore(page, goOn);
            if (id != default)
            {
                return id;
            }

            goOn = _domain.Dropped.TryTakeDown(ref dropped, own: 0, isPoolFull: true);
        }
    }

    /// <summary>Copies a stored page out.</summary>
    /// <param name="id">The id, from <see cref="Store"/>.</param>
    /// <param name="destination">Receives the page. It must be at least as long.</param>
    /// <returns>The number of bytes written to <paramref name="destination"/>.</returns>
    /// <exception cref="PageCorruptedException">The stored bytes fail their checksum, or cannot be read. The contents of the destination
    /// mean nothing then.</exception>
    /// <exception cref="KeyNotFoundException">The id is not stored.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public int Load(SwapId id, Span<byte> destination)
    {
        if (!TryLoad(id, destination, out int bytesWritten))
        {
            ThrowUnknown(id);
        }

        return bytesWritten;
    }

    /// <summary>Copies a stored page out, if the id is stored.</summary>
    /// <param name="id">The id, from <see cref="Store"/>.</param>
    /// <param name="destination">Receives the page. It must be at least as long.</param>
    /// <param name="bytesWritten">The page's length in bytes; 0 when the id is not stored.</param>
    /// <returns>False when the id is not stored.</returns>
    /// <exception cref="PageCorruptedException">The stored bytes fail their checksum, or cannot be read. The contents of the destination
    /// mean nothing then.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public bool TryLoad(SwapId id, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        using DomainScope held = _domain.Enter();
        if (!_store.Loader.TryGetLength(id.Value, out int length))
        {
            return false;
        }

        if (destination.Length < length)
        {
            throw new ArgumentException(
                $"The page has {length:N0} bytes, the destination only {destination.Length:N0}.", nameof(destination));
        }

        LoadResult result;
        fixed (byte* target = destination)
        {
            result = _store.Loader.LoadPublic(id.Value, target, length);
        }

        switch (result.Status)
        {
            case LoadStatus.Loaded:
                bytesWritten = length;
                return true;

            case LoadStatus.Gone:
                return false;

            default:
                _domain.Counters.Add(Counter.CorruptedPages, result.Status == LoadStatus.Corrupted ? 1 : 0);
                if (PagingEvents.IsListenedTo)
                {
                    PagingEvents.NotePageCorrupted(_domain.Name, array: string.Empty, page: -1, result.Describe());
                }

                throw new PageCorruptedException(
                    $"Stored page {id.Value:x} cannot be had: {result.Describe()}. Other pages are not affected; free this one.");
        }
    }

    /// <summary>The length of a stored page in bytes.</summary>
    /// <param name="id">The id, from <see cref="Store"/>.</param>
    /// <exception cref="KeyNotFoundException">The id is not stored.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public int GetLength(SwapId id)
    {
        using DomainScope held = _domain.Enter();
        if (!_store.Loader.TryGetLength(id.Value, out int length))
        {
            ThrowUnknown(id);
        }

        return length;
    }

    /// <summary>Adds a reference. The page is freed when all its references have been dropped.</summary>
    /// <param name="id">The id, from <see cref="Store"/>.</param>
    /// <exception cref="KeyNotFoundException">The id is not stored.</exception>
    /// <exception cref="InvalidOperationException">The page has as many references as there can be, 2³⁰−1.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public void AddReference(SwapId id)
    {
        using DomainScope held = _domain.Enter();
        if (_store.Descriptors.Find(id.Value) == 0 || !_store.Descriptors.TryAddReference(id.Value))
        {
            ThrowUnknown(id);
        }
    }

    /// <summary>Drops one reference. With the last one the page is freed, and the id names nothing any more.</summary>
    /// <param name="id">The id, from <see cref="Store"/>.</param>
    /// <exception cref="KeyNotFoundException">The id is not stored.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public void Free(SwapId id)
    {
        using DomainScope held = _domain.Enter();
        if (_store.Descriptors.Find(id.Value) == 0 || !_store.TryFree(id.Value))
        {
            ThrowUnknown(id);
        }
    }

    /// <returns>The id; the default when there is no room, and <paramref name="goOn"/> says that the caller tries again.</returns>
    private SwapId TryStore(ReadOnlySpan<byte> page, bool goOn)
    {
        using DomainScope held = _domain.Enter();
        uint index = 0;
        if (_store.LogFor(page.Length) is not null || _store.TryAddLog(page.Length))
        {
            fixed (byte* source = page)
            {
                // Nothing may come between the ticket and its use.
                CompressionPolicy policy = _domain.Policies[0];
                StoreTicket ticket = _store.Prepare(page.Length, StoreLevel.Normal, isPublic: true);
                index = ticket.Index == 0 ? 0 : _store.Store(ticket, source, page.Length, policy);
            }
        }

        if (index == 0 && !goOn)
        {
            ThrowHelper.ThrowPoolFull(_domain, page.Length);
        }

        return index == 0 ? default : new SwapId(_store.Descriptors.Id(index));
    }

    private static void ThrowUnknown(SwapId id) =>
        throw new KeyNotFoundException($"No page is stored under id {id.Value:x}: it was never given out, or it has been freed.");

    private void CheckLength(ReadOnlySpan<byte> page)
    {
        int length = page.Length;
        if (length is 0 or > SwapStore.MaxPageBytes)
        {
            throw new ArgumentException($"A stored page has 1 to {SwapStore.MaxPageBytes:N0} bytes, not {length:N0}.", nameof(page));
        }

        if (_store.LogFor(length) is null)
        {
            long min = LogGeometry.MinPoolBytes(_store.LogPageFor(length));
            if (_store.Budget.Bytes < min)
            {
                throw new ArgumentException(
                    $"A page of {length:N0} bytes needs PoolBytes of at least {min:N0}; they are {_store.Budget.Bytes:N0}.", nameof(page));
            }
        }
    }
}
