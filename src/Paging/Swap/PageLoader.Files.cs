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
        using BounceBuffers.Scope rented = buffers.Rent(out byte* buffer);
        var range = BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);
        int error = area.Read(range, buffer, (ulong)segment->SealedAt, counters);
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
        if (isCorrupted)
        {
            counters.Add(Counter.CorruptedPages);
        }

        return new LoadResult(isCorrupted ? LoadStatus.Corrupted : LoadStatus.Unreadable)
        {
            Path = area.Device.Path,
            Offset = range.Offset + range.Skip,
            Error = isCorrupted ? 0 : error,
        };
    }
}
