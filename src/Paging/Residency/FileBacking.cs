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
/// <param name="longBuffers">Those for several pages.</param>
/// <param name="counters">The pager's.</param>
internal sealed unsafe class FileBacking(
    SharedSource source, long offset, int stride, BounceBuffers buffers, BounceBuffers longBuffers, Counters counters) : PageBacking
{
    private const int Block = SwapDevice.BufferAlignment;

    private readonly SourceFile _file = source.File;
    private int _released;

    internal override int PagesARead { get; } = Math.Max(1, SwapStore.SourceReadBytes / stride);

    internal override LoadResult Load(long page, byte* frame, int bytes)
    {
        if (TryTakeRead(page, frame, bytes))
        {
            return new LoadResult(LoadStatus.Loaded) { IsFromFile = true, IsFromBacking = true };
        }

        using BounceBuffers.Scope rented = buffers.Rent(out byte* buffer);
        BlockRange range = RangeOf(page, bytes);
        TestHook.MayFail(FailurePoint.DeviceRead);
        int error = _file.Read(range.Offset, buffer, range.Length, range.Skip + bytes);
        if (error != 0)
        {
            return Fail(range, error, bytes);
        }

        TestHook.Reach(SharedWord.PageData);
        Buffer.MemoryCopy(buffer + range.Skip, frame, bytes, bytes);
        counters.Add(Counter.BytesRead, range.Length);
        return new LoadResult(LoadStatus.Loaded) { IsFromFile = true, IsFromBacking = true };
    }

    internal override bool TryBeginRead(long first, int count, int lastBytes, BackingRead read)
    {
        BounceBuffers from = count == 1 ? buffers : longBuffers;
        byte* buffer = _file.IsDirect ? from.TryRentAhead() : null;
        if (buffer == null)
        {
            return false;
        }

        int bytes = ((count - 1) * stride) + lastBytes;
        BlockRange range = RangeOf(first, bytes);
        Debug.Assert(range.Length <= from.BufferBytes, "a buffer has room for the blocks of the pages");
        read.Start(this, first, count, _file, range, range.Skip + bytes, from, buffer);
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
        return new BlockRange(at - skip, (skip + bytes + Block - 1) & -Block, skip);
    }

    /// <summary>Takes a page from a read that this thread has begun. One that failed is as none: it may have been of several pages, of
    /// which this one may be well.</summary>
    private bool TryTakeRead(long page, byte* frame, int bytes)
    {
        if (BackingReads.Find(this, page) is not { } read)
        {
            return false;
        }

        bool isRead = read.Await() == 0;
        if (isRead)
        {
            TestHook.Reach(SharedWord.PageData);
            Buffer.MemoryCopy(read.Buffer + read.Skip + ((page - read.First) * stride), frame, bytes, bytes);
            counters.Add(Counter.BytesRead, bytes);
        }

        BackingReads.NoteTaken(read);
        return isRead;
    }

    private LoadResult Fail(in BlockRange range, int error, int bytes)
    {
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
