using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>A piece of a file that arrays are mapped from, which is to be read.</summary>
/// <param name="Source">The file, of which whoever has this is a user.</param>
/// <param name="Offset">The offset of the first byte.</param>
/// <param name="Bytes">How many: 1 or more.</param>
/// <param name="Buffers">Where a buffer is had from.</param>
/// <param name="RunBuffers">Where the buffer of several pieces in a row comes from, which is longer.</param>
internal readonly record struct SourcePiece(SharedSource Source, long Offset, int Bytes, BounceBuffers Buffers, BounceBuffers RunBuffers)
{
    internal long End => Offset + Bytes;

    /// <summary>The blocks that it lies in.</summary>
    internal BlockRange Range => RangeOf(Offset, Bytes);

    /// <summary>The blocks that bytes of a file lie in.</summary>
    internal static BlockRange RangeOf(long offset, int bytes)
    {
        int skip = (int)(offset & (SwapDevice.BufferAlignment - 1));
        return new BlockRange(offset - skip, (skip + bytes + SwapDevice.BufferAlignment - 1) & -SwapDevice.BufferAlignment, skip);
    }
}
