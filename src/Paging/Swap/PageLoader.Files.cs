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
        BlockRange range = RangeOf(area, segment, location);
        if (Reads.Find(area, location.Segment, range) is { } read && TryLoadFrom(read, range, id, location, page, length))
        {
            return FromFile(location, area);
        }

        using BounceBuffers.Scope rented = segments.Logs[segment->Log]!.EntryBuffers.Rent(out byte* buffer);
        int error = area.Read(range, buffer, (ulong)segment->SealedAt, counters);
        return Decode(id, location, page, length, area, range, buffer, error);
    }

    /// <summary>Takes a page from a read that was begun before, and ends the use of that. The segment is pinned.</summary>
    /// <returns>False when the read has failed, or its bytes are not the page: then it has to be read by itself.</returns>
    private bool TryLoadFrom(FileRead read, in BlockRange range, ulong id, Location location, byte* page, int length)
    {
        try
        {
            return read.Await() && TryRead((EntryHeader*)(read.Buffer + (range.Offset - read.Offset) + range.Skip), id, location, page, length);
        }
        finally
        {
            Reads.Leave(read);
        }
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
            return FromFile(location, area);
        }

        if (HasMovedOrGone(id, location))
        {
            return new LoadResult(LoadStatus.Moved);
        }

        // Where a file was cut, reads fail behind its end, until writes behind that make it longer again: then there are zeroes.
        bool isCorrupted = error is 0 or SwapArea.NotAuthentic;
        (long now, long given) = area.Device.FileBytes;
        return new LoadResult(isCorrupted ? LoadStatus.Corrupted : LoadStatus.Unreadable)
        {
            Failure = new LoadFailure(area.Device.Path, range.Offset + range.Skip)
            {
                Error = isCorrupted ? 0 : error,
                FileBytes = now,
                MissingBytes = given - now,
            },
        };
    }

    private static LoadResult FromFile(Location location, SwapArea area) => new(LoadStatus.Loaded)
    {
        IsFromFile = true,
        IsOutdated = area.State != AreaState.InUse,
        IsRecompressed = location.IsRecompressed,
    };
}
