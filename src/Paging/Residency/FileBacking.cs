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
/// <param name="reads">What is being read ahead.</param>
/// <param name="buffers">Those of entries that are read from swap files: each has room for a page and the blocks that it begins and ends
/// in.</param>
/// <param name="longBuffers">Those for several pages.</param>
/// <param name="counters">The pager's.</param>
internal sealed unsafe class FileBacking(
    SharedSource source, long offset, int stride, FileReads reads, BounceBuffers buffers, BounceBuffers longBuffers, Counters counters) : PageBacking
{
    private readonly SourceFile _file = source.File;
    private int _released;

    internal override LoadResult Load(long page, byte* frame, int bytes)
    {
        BlockRange range = RangeOf(page, bytes);
        if (reads.Find(_file, range.Offset + range.Skip, bytes) is { } read && TryTake(read, range, frame, bytes))
        {
            return new LoadResult(LoadStatus.Loaded) { IsFromFile = true, IsFromBacking = true };
        }

        using BounceBuffers.Scope rented = buffers.Rent(out byte* buffer);
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

    internal override bool TryLocate(long page, int bytes, out SourcePiece piece)
    {
        piece = new SourcePiece(source, offset + (page * stride), bytes, buffers, longBuffers);
        return _file.IsDirect && source.TryAddUser();
    }

    internal override PageBacking? TryShare()
    {
        if (!source.TryAddUser())
        {
            return null;
        }

        try
        {
            TestHook.MayFail(FailurePoint.Allocation);
            return new FileBacking(source, offset, stride, reads, buffers, longBuffers, counters);
        }
        catch
        {
            source.RemoveUser();
            throw;
        }
    }

    internal override void Release()
    {
        // 0 → 1, once: by the thread that closes the array, the pager, or the array's finalizer.
        if (Shared.Exchange(SharedWord.Counter, ref _released, 1) == 0)
        {
            source.RemoveUser();
        }
    }

    private BlockRange RangeOf(long page, int bytes) => SourcePiece.RangeOf(offset + (page * stride), bytes);

    /// <summary>Takes a page from a read that was begun before, and ends the use of that.</summary>
    /// <returns>False when it failed: it may have been of several pages, of which this one may be well.</returns>
    private bool TryTake(FileRead read, in BlockRange range, byte* frame, int bytes)
    {
        using FileReads.Use use = new(reads, read);
        if (!read.Await())
        {
            return false;
        }

        TestHook.Reach(SharedWord.PageData);
        Buffer.MemoryCopy(read.Buffer + (range.Offset + range.Skip - read.Offset), frame, bytes, bytes);
        return true;
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
