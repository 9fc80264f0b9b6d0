using System.Diagnostics;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A range of a file as what backs an array: page after page, as much of each as items lie in. Reads whole aligned blocks into a
/// buffer, and copies from there, wherever in its block a page begins.</summary>
/// <param name="source">The file, of which this is a user.</param>
/// <param name="offset">Where the first page begins.</param>
/// <param name="stride">Bytes from page to page.</param>
/// <param name="buffers">Those of entries that are read from swap files: each has room for a page and the blocks that it begins and ends
/// in.</param>
/// <param name="counters">The pager's.</param>
internal sealed unsafe class FileBacking(SharedSource source, long offset, int stride, BounceBuffers buffers, Counters counters) : PageBacking
{
    private const int Block = SwapDevice.BufferAlignment;

    private readonly SourceFile _file = source.File;
    private int _released;

    internal override LoadResult Load(long page, byte* frame, int bytes)
    {
        BlockRange range = RangeOf(page, bytes);
        if (BackingReads.Find(this, page) is { } read)
        {
            return Take(range, read.Buffer, read.Await(), frame, bytes);
        }

        using BounceBuffers.Scope rented = buffers.Rent(out byte* buffer);
        TestHook.MayFail(FailurePoint.DeviceRead);
        int error = _file.Read(range.Offset, buffer, range.Length, range.Skip + bytes);
        return Take(range, buffer, error, frame, bytes);
    }

    internal override bool TryBeginRead(long page, int bytes, BackingRead read)
    {
        byte* buffer = _file.IsDirect ? buffers.TryRentAhead() : null;
        if (buffer == null)
        {
            return false;
        }

        BlockRange range = RangeOf(page, bytes);
        read.Start(this, page, _file, range, range.Skip + bytes, buffers, buffer);
        return true;
    }

    internal override void Release()
    {
        // 0 → 1, once: by the thread that closes the array, the pager, or the array's finalizer.
        if (Shared.Exchange(SharedWord.Counter, ref _released, 1) == 0)
        {
            source.RemoveUser();
        }
    }

    private BlockRange RangeOf(long page, int bytes)
    {
        long at = offset + (page * stride);
        int skip = (int)(at & (Block - 1));
        int length = (skip + bytes + Block - 1) & -Block;
        Debug.Assert(length <= buffers.BufferBytes, "a buffer has room for the blocks of a page");
        return new BlockRange(at - skip, length, skip);
    }

    private LoadResult Take(in BlockRange range, byte* buffer, int error, byte* frame, int bytes)
    {
        if (error == 0)
        {
            TestHook.Reach(SharedWord.PageData);
            Buffer.MemoryCopy(buffer + range.Skip, frame, bytes, bytes);
            counters.Add(Counter.BytesRead, range.Length);
            return new LoadResult(LoadStatus.Loaded) { IsFromFile = true, IsFromBacking = true };
        }

        counters.Add(Counter.IoErrors);
        long at = range.Offset + range.Skip;
        long now = _file.BytesNow;
        bool hasEnded = now >= 0 && now < at + bytes;
        return new LoadResult(hasEnded ? LoadStatus.SourceEnded : LoadStatus.SourceFailed)
        {
            Path = _file.Path,
            Offset = at,
            Error = error,
            FileBytes = now,
        };
    }
}
