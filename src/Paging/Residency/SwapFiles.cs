using System.Security.Cryptography;
using Paging.Diagnostics;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Adds and removes swap files: swapon and swapoff.</summary>
/// <remarks>A file that is being removed takes nothing, and takes again when the removal fails or is cancelled. So an access that finds no
/// room meanwhile is not refused before the removal has ended (<see cref="TryAwait"/>). Removals wait for no access.</remarks>
internal sealed class SwapFiles(PagingDomain domain)
{
    /// <summary>The longest sleep of an access that waits for a removal.</summary>
    private const int SleepMilliseconds = 20;

    private readonly EventCount _ends = new();

    private SwapStore Swap => domain.Swap;

    /// <summary>Opens a file and lets segments be written to it.</summary>
    internal SwapArea Add(SwapFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using DomainScope held = domain.Enter();
        Check(options);
        using PathClaim claim = PathClaim.Take(options.Path);
        SwapDevice device = DirectFile.Open(options.Path, options.Bytes, Swap.Engine);
        device = options.Encrypt ? Encrypt(device) : device;
        return AddDevice(device, options, claim.Keep());
    }

    /// <summary>Lets segments be written to a device.</summary>
    internal SwapArea AddDevice(SwapDevice device, SwapFileOptions options, PathClaim? claim = null)
    {
        // From here on, segments are written from memory that this domain's finalizer unmaps.
        Swap.Writeback.Owner = domain;
        Swap.Loader.Reads.Prepare();
        SwapArea area;
        try
        {
            TestHook.MayFail(FailurePoint.Allocation);
            area = new SwapArea(device, options.Priority, claim) { PagerName = domain.Name };
        }
        catch
        {
            device.Dispose();
            claim?.Release();
            throw;
        }

        if (!Swap.Files.TryAdd(area))
        {
            area.Dispose();
            throw new InvalidOperationException(
                $"The pager has {SwapFileTable.MaxFiles} swap files already, the most there can be. Remove one first.");
        }

        PagingEvents.NoteSwapFileAdded(domain.Name, options.Path, options.Bytes, options.Priority);
        return area;
    }

    /// <summary>Moves every page off a file, then closes it.</summary>
    /// <param name="area">The file.</param>
    /// <param name="path">The path as it was given, for messages.</param>
    /// <param name="before">The file's state before the removal began.</param>
    /// <param name="cancellation">Stops the moving.</param>
    /// <exception cref="OutOfPagingSpaceException">The pages do not fit elsewhere. The file stays in use.</exception>
    internal void Remove(SwapArea area, string path, AreaState before, CancellationToken cancellation)
    {
        bool removed = false;
        DroppedArrays.Attempt dropped = default;
        try
        {
            bool goOn = true;
            while (!removed)
            {
                removed = TryRemove(area, path, goOn, cancellation);
                goOn = removed || domain.Dropped.TryTakeDownForRemoval(ref dropped);
            }
        }
        finally
        {
            if (!removed)
            {
                Abandon(area, before);
            }
            else
            {
                _ends.Signal();
            }
        }
    }

    /// <summary>Ends a removal that has moved nothing off, or not all: the file is as it was.</summary>
    internal void Abandon(SwapArea area, AreaState before)
    {
        // First counted, then seen: whoever does not see the removal any more sees the count. Then whoever sleeps is woken.
        _ends.Signal();
        area.AbandonRemoval(before);
        _ends.Signal();
    }

    /// <summary>Waits while a file is being removed, for a thread that is about to be refused. It holds nothing that a removal waits
    /// for.</summary>
    /// <param name="seen">The access's own, empty at first.</param>
    /// <returns>Whether to try again.</returns>
    internal bool TryAwait(ref Resizer.Seen seen)
    {
        long ends = _ends.Count;
        if (Swap.Files.IsAnyBeingRemoved)
        {
            _ends.TryWaitBeyond(ends, SleepMilliseconds);
            return true;
        }

        return seen.TryNote(_ends.Count);
    }

    /// <returns>False when the pages do not fit elsewhere, and <paramref name="goOn"/> says that the caller tries again.</returns>
    private bool TryRemove(SwapArea area, string path, bool goOn, CancellationToken cancellation)
    {
        using DomainScope held = domain.Enter();
        if (Swap.Swapoff.TryDrain(area, cancellation))
        {
            Swap.Files.Remove(area);
            area.Dispose();
            PagingEvents.NoteSwapFileRemoved(domain.Name, path);
            return true;
        }

        // Either Dispose has begun meanwhile, or there really is no room.
        domain.ThrowIfClosed();
        if (!goOn)
        {
            ThrowHelper.ThrowNoRoomToRemove(domain, path, area);
        }

        return false;
    }

    private void Check(SwapFileOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(options.Path, nameof(SwapFileOptions.Path));
        long min = Swap.MinFileBytes(options.Encrypt ? BlockCipher.PayloadBytes : SwapDevice.BufferAlignment);
        if (options.Bytes < min || options.Bytes % SwapDevice.BufferAlignment != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.Bytes,
                $"SwapFileOptions.Bytes = {options.Bytes:N0} is not a multiple of {SwapDevice.BufferAlignment:N0} of at least {min:N0}, "
                    + "which is two segments of this pager.");
        }

        if (options.Bytes / SwapDevice.BufferAlignment > uint.MaxValue)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.Bytes,
                $"SwapFileOptions.Bytes = {options.Bytes:N0} is more than {(long)uint.MaxValue * SwapDevice.BufferAlignment:N0}. "
                    + "Add several files.");
        }

        if (options.Encrypt && !AesGcm.IsSupported)
        {
            throw new PlatformNotSupportedException(
                "SwapFileOptions.Encrypt needs AES-GCM, which this system does not have: install OpenSSL (libssl), or do without.");
        }
    }

    private EncryptedDevice Encrypt(SwapDevice device)
    {
        try
        {
            return new EncryptedDevice(device, Swap.MaxSegmentBytes);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }
}
