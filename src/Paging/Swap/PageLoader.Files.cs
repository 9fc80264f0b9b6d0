using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Loads pages from swap files: reads the blocks that hold the entry, and no others.</summary>
internal sealed unsafe partial class PageLoader
{
    private LoadResult LoadFromFile(ulong id, Location location, byte* page, int length)
    {
        uint index = (uint)id;
        if (descriptors.Locate(index) != location)
        {
            return new LoadResult(LoadStatus.Moved);
        }

        // The pin keeps the slot with this segment, and the descriptor was read again under it. So the blocks read hold the entry (rule 5).
        TestHook.Reach(SharedWord.Segment);
        Segment* segment = segments[location.Segment];
        SwapArea area = segments.Files.Of(segment);
        BounceBuffers buffers = segments.Logs[segment->Log]!.EntryBuffers;

        // A read that was begun ahead has kept the slot with the segment since, by a pin of its own: it is of these blocks.
        if (EntryReads.Find(this, id, location) is { } read && read.Area == area)
        {
            int result = area.Note(read.Range, read.Await(), counters);
            return Decode(id, location, page, length, area, read.Range, read.Buffer, result);
        }

        using BounceBuffers.Scope rented = buffers.Rent(out byte* buffer);
        BlockRange range = RangeOf(area, segment, location);
        int error = area.Read(range, buffer, (ulong)segment->SealedAt, counters);
        return Decode(id, location, page, length, area, range, buffer, error);
    }

    /// <summary>Begins to read the entry of a page that is about to be loaded: see <see cref="EntryReads"/>.</summary>
    /// <returns>False when it is not in a file, or there is no buffer. Then nothing has changed.</returns>
    internal bool TryBeginRead(uint index, EntryRead read)
    {
        ulong id = descriptors.Id(index);
        Location location = descriptors.Locate(index);
        if (location.Where != Location.Kind.Segment || !segments.TryPin(location.Segment, out bool onFile))
        {
            return false;
        }

        // As in a load: what is read under the pin is the entry only if the descriptor points there under it.
        Segment* segment = segments[location.Segment];
        byte* buffer = null;
        BounceBuffers? buffers = null;
        if (onFile && descriptors.Locate(index) == location)
        {
            buffers = segments.Logs[segment->Log]!.EntryBuffers;
            buffer = buffers.TryRentAhead();
        }

        if (buffer == null)
        {
            segments.Unpin(location.Segment);
            return false;
        }

        SwapArea area = segments.Files.Of(segment);
        read.Start(id, location, area, RangeOf(area, segment, location), (ulong)segment->SealedAt, buffers!, buffer);
        return true;
    }

    /// <summary>Waits for a read that was begun ahead, and gives back what it holds.</summary>
    internal void EndRead(EntryRead read)
    {
        read.End();
        segments.Unpin(read.Location.Segment);
    }

    private static BlockRange RangeOf(SwapArea area, Segment* segment, Location location) =>
        BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);

    private LoadResult Decode(
        ulong id,
        Location location,
        byte* page,
        int length,
        SwapArea area,
        in BlockRange range,
        byte* buffer,
        int error)
    {
        if (error == 0 && TryRead((EntryHeader*)(buffer + range.Skip), id, location, page, length))
        {
            return new LoadResult(LoadStatus.Loaded)
            {
                IsFromFile = true,
                IsOutdated = location.IsRecompressed || area.State != AreaState.InUse,
            };
        }

        if (HasMovedOrGone(id, location))
        {
            return new LoadResult(LoadStatus.Moved);
        }

        bool isCorrupted = error is 0 or SwapArea.NotAuthentic;
        return new LoadResult(isCorrupted ? LoadStatus.Corrupted : LoadStatus.Unreadable)
        {
            Path = area.Device.Path,
            Offset = range.Offset + range.Skip,
            Error = isCorrupted ? 0 : error,
        };
    }
}
