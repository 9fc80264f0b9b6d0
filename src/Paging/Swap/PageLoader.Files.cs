using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The way back from a swap file: the blocks that hold the entry, and no others.</summary>
internal sealed unsafe partial class PageLoader
{
    /// <returns>Null when the entry has moved or gone meanwhile.</returns>
    private LoadResult? LoadFromFile(ulong id, Location location, byte* page, int length, out LoadFailure failure)
    {
        failure = default;
        uint index = (uint)id;
        if (descriptors.Locate(index) != location)
        {
            return null;
        }

        // The pin keeps the slot the segment's, and the descriptor was read again under it: what is read is the entry (rule 5).
        TestHook.Reach(SharedWord.Segment);
        Segment* segment = segments[location.Segment];
        SwapArea area = segments.Files.Of(segment);
        BounceBuffers buffers = segments.Logs[segment->Log]!.EntryBuffers;
        byte* buffer = buffers.Rent();
        LoadResult result;
        try
        {
            var range = BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);
            int error = area.Read(range, buffer, (ulong)segment->SealedAt, counters);
            bool intact = error == 0 && TryRead((EntryHeader*)(buffer + range.Skip), id, location, page, length);
            result = intact
                ? area.State == AreaState.InUse && !location.IsRecompressed ? LoadResult.LoadedFromFile : LoadResult.LoadedFromFileOnce
                : error is 0 or SwapArea.NotAuthentic ? LoadResult.Corrupted : LoadResult.Unreadable;
            if (!intact)
            {
                failure = new LoadFailure(area.Device.Path, range.Offset + range.Skip, error is SwapArea.NotAuthentic ? 0 : error);
            }
        }
        finally
        {
            buffers.Return(buffer);
        }

        if (result is LoadResult.Corrupted or LoadResult.Unreadable && (descriptors.Locate(index) != location || descriptors.Id(index) != id))
        {
            failure = default;
            return null;
        }

        if (result == LoadResult.Corrupted)
        {
            counters.Add(Counter.CorruptedPages);
        }

        return result;
    }
}
