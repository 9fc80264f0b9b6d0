using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>The blocks of a device that hold a piece of a segment.</summary>
/// <param name="Offset">The offset of the first block on the device, in bytes.</param>
/// <param name="Length">The length in bytes: whole blocks.</param>
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

    /// <summary>Bytes that any piece of this length needs at most, on any device.</summary>
    internal static int MaxBytes(int length)
    {
        int page = Math.Max(SwapDevice.BufferAlignment, Interop.VirtualMemory.SystemPageBytes);
        return (length + (2 * SwapDevice.BufferAlignment) + page - 1) / page * page;
    }
}
