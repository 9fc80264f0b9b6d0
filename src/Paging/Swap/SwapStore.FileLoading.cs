using Paging.Diagnostics;
using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>The way back from a swap file: the blocks that hold the entry, and no others.</summary>
internal sealed unsafe partial class SwapStore
{
    /// <returns>Null when the entry has moved or gone meanwhile.</returns>
    private LoadResult? LoadFromFile(ulong id, Location location, byte* page, int length, out LoadFailure failure)
    {
        failure = default;
        uint index = (uint)id;
        if (_descriptors.Locate(index) != location)
        {
            return null;
        }

        // The pin keeps the slot the segment's, and the descriptor was read again under it: what is read is the entry (rule 5).
        TestHook.Reach(SharedWord.Segment);
        Segment* segment = _segments[location.Segment];
        SwapArea area = _segments.Files.Of(segment);
        BounceBuffers buffers = _segments.Logs[segment->Log]!.EntryBuffers;
        byte* buffer = buffers.Rent();
        LoadResult result;
        try
        {
            var range = BlockRange.Of(area.Device, segment->Block, location.Offset, location.Units << Location.UnitShift);
            int error = area.Read(range, buffer, (ulong)segment->SealedAt, _counters);
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

        if (result is LoadResult.Corrupted or LoadResult.Unreadable && (_descriptors.Locate(index) != location || _descriptors.Id(index) != id))
        {
            failure = default;
            return null;
        }

        if (result == LoadResult.Corrupted)
        {
            _counters.Add(Counter.CorruptedPages);
        }

        return result;
    }
}

/// <summary>The blocks of a device that hold a piece of a segment.</summary>
/// <param name="Offset">On the device, in bytes.</param>
/// <param name="Length">Whole blocks.</param>
/// <param name="Skip">Bytes of the first block before the piece.</param>
internal readonly record struct BlockRange(long Offset, int Length, int Skip)
{
    internal static BlockRange Of(SwapDevice device, uint firstBlock, int offset, int length)
    {
        int block = device.BlockBytes;
        int first = offset / block;
        int end = ((offset + length - 1) / block) + 1;
        return new BlockRange((firstBlock + (long)first) * block, (end - first) * block, offset - (first * block));
    }

    /// <summary>What any piece of this length needs at most, on any device.</summary>
    internal static int MostBytes(int length)
    {
        int page = Math.Max(SwapDevice.BufferAlignment, Interop.VirtualMemory.SystemPageBytes);
        return (length + (2 * SwapDevice.BufferAlignment) + page - 1) / page * page;
    }
}
