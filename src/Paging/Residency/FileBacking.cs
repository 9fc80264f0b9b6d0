using Paging.Swap;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A range of a file as what backs an array: page after page, as much of each as items lie in. Reads whole aligned blocks into a
/// buffer, and copies from there, wherever in its block a page begins.</summary>
/// <param name="source">The file, of which this becomes a user in place of the caller.</param>
/// <param name="offset">Where the first page begins.</param>
/// <param name="geometry">How items lie in pages.</param>
/// <param name="domain">The pager's, which has a log for pages of this size.</param>
internal sealed unsafe class FileBacking(SharedSource source, long offset, in Geometry geometry, PagingDomain domain)
    : PageBacking(source, geometry, domain)
{
    private readonly SourceFile _file = source.File;
    private readonly int _stride = geometry.UsedBytes;

    internal override LoadResult Load(long page, byte* frame, int bytes)
    {
        BlockRange range = RangeOf(page, bytes);
        if (Reads.Find(_file, range.Offset + range.Skip, bytes) is { } read && TryTake(read, range, frame, bytes))
        {
            return Loaded(isFromFile: true);
        }

        using BounceBuffers.Scope rented = Buffers.Rent(out byte* buffer);
        TestHook.MayFail(FailurePoint.DeviceRead);
        int error = _file.Read(range.Offset, buffer, range.Length, range.Skip + bytes);
        if (error != 0)
        {
            return Failed(_file, range.Offset + range.Skip, bytes, error);
        }

        TestHook.Reach(SharedWord.PageData);
        Buffer.MemoryCopy(buffer + range.Skip, frame, bytes, bytes);
        Counters.Add(Counter.BytesRead, range.Length);
        return Loaded(isFromFile: true);
    }

    internal override bool TryLocate(long page, int bytes, out SourcePiece piece)
    {
        piece = Piece(source, offset + (page * _stride), bytes);
        return _file.IsDirect && source.TryAddUser();
    }

    private BlockRange RangeOf(long page, int bytes) => SourcePiece.RangeOf(offset + (page * _stride), bytes);

    /// <summary>Takes a page from a read that was begun before, and ends the use of that.</summary>
    /// <returns>False when it failed: it may have been of several pages, of which this one may be well.</returns>
    private bool TryTake(FileRead read, in BlockRange range, byte* frame, int bytes)
    {
        using FileReads.Use use = new(Reads, read);
        if (!read.Await())
        {
            return false;
        }

        TestHook.Reach(SharedWord.PageData);
        Buffer.MemoryCopy(read.Buffer + (range.Offset + range.Skip - read.Offset), frame, bytes, bytes);
        return true;
    }
}
