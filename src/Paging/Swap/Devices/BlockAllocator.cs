using System.Diagnostics;
using System.Numerics;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>The free space of one device, in blocks: a bitmap, searched from where the last search ended (next fit).</summary>
/// <remarks>Thread-safe; allocates nothing after construction. Next fit fills a file in the order of writing, and leaves no small gaps at
/// its beginning, as first fit does. Where blocks are all used or all free, the search looks at sixty-four of them in one step.</remarks>
internal sealed class BlockAllocator
{
    internal const long None = -1;

    private readonly Gate _gate = new();

    // Under the gate. A set bit is a block in use; bits beyond the last block are always set.
    private readonly ulong[] _used;
    private long _usedBlocks;
    private long _next;

    internal BlockAllocator(long blocks)
    {
        Debug.Assert(blocks > 0, "a device has blocks");
        Blocks = blocks;
        _used = new ulong[(blocks + 63) / 64];
        if (blocks % 64 != 0)
        {
            _used[^1] = ulong.MaxValue << (int)(blocks % 64);
        }
    }

    internal long Blocks { get; }

    internal long UsedBlocks => Volatile.Read(ref _usedBlocks);

    internal long FreeBlocks => Blocks - UsedBlocks;

    /// <summary>Takes a run of blocks.</summary>
    /// <param name="count">At least 1.</param>
    /// <returns>The first block, or <see cref="None"/> when no run is long enough.</returns>
    internal long Allocate(long count)
    {
        Debug.Assert(count > 0, "a run has blocks");
        using Gate.Scope held = _gate.Enter();
        if (count > Blocks - _usedBlocks)
        {
            return None;
        }

        long first = Find(_next, Blocks, count);
        if (first == None)
        {
            // A run may begin before the place where the first search started, and end behind it.
            first = Find(0, Math.Min(Blocks, _next + count - 1), count);
        }

        if (first != None)
        {
            Take(first, count);
        }

        return first;
    }

    /// <summary>Takes the first run of free blocks that begins at <paramref name="from"/> or later, for trimming: while it is trimmed, no
    /// other thread may take it. <see cref="Free"/> gives it back.</summary>
    /// <param name="from">0 at first, then the end of the run before.</param>
    /// <param name="max">The length of the longest run to take, so that allocation finds room meanwhile.</param>
    /// <param name="count">The length of the run.</param>
    /// <returns>The first block, or <see cref="None"/> when there is no more.</returns>
    internal long TakeFreeRun(long from, long max, out long count)
    {
        Debug.Assert(from >= 0 && max > 0, "a run has blocks");
        using Gate.Scope held = _gate.Enter();
        long first = NextFree(from, Blocks);
        if (first >= Blocks)
        {
            count = 0;
            return None;
        }

        count = NextUsed(first, Math.Min(Blocks, first + max)) - first;
        Mark(first, count, used: true);
        return first;
    }

    /// <summary>Gives back blocks that were taken: all of a run, or a part of it.</summary>
    internal void Free(long first, long count)
    {
        Debug.Assert(first >= 0 && count > 0 && first + count <= Blocks, "blocks of the device");
        using Gate.Scope held = _gate.Enter();
        Mark(first, count, used: false);
    }

    /// <summary>Makes the next search begin at the first block.</summary>
    internal void Rewind()
    {
        using Gate.Scope held = _gate.Enter();
        _next = 0;
    }

    internal bool IsUsed(long block)
    {
        Debug.Assert(block >= 0 && block < Blocks, "a block of the device");
        return (Volatile.Read(ref _used[block / 64]) >> (int)(block % 64) & 1) != 0;
    }

    private void Take(long first, long count)
    {
        Mark(first, count, used: true);
        _next = first + count == Blocks ? 0 : first + count;
    }

    private long Find(long from, long end, long count)
    {
        for (long at = from; ;)
        {
            long first = NextFree(at, end);
            if (end - first < count)
            {
                return None;
            }

            at = NextUsed(first, first + count);
            if (at == first + count)
            {
                return first;
            }
        }
    }

    private long NextFree(long from, long end) => Next(from, end, flip: ulong.MaxValue);

    private long NextUsed(long from, long end) => Next(from, end, flip: 0);

    /// <summary>The first block from <paramref name="from"/> on whose bit is set once it is flipped; otherwise
    /// <paramref name="end"/>.</summary>
    private long Next(long from, long end, ulong flip)
    {
        if (from >= end)
        {
            return end;
        }

        long index = from / 64;
        ulong word = (_used[index] ^ flip) & (ulong.MaxValue << (int)(from % 64));
        while (word == 0)
        {
            index++;
            if (index * 64 >= end)
            {
                return end;
            }

            word = _used[index] ^ flip;
        }

        return Math.Min(end, (index * 64) + BitOperations.TrailingZeroCount(word));
    }

    private void Mark(long first, long count, bool used)
    {
        long end = first + count;
        for (long at = first; at < end;)
        {
            int low = (int)(at % 64);
            int bits = (int)Math.Min(64 - low, end - at);
            ulong mask = ulong.MaxValue >> (64 - bits) << low;
            ref ulong word = ref _used[at / 64];
            Debug.Assert((word & mask) == (used ? 0 : mask), "a block is taken once, and freed once");
            word = used ? word | mask : word & ~mask;
            at += bits;
        }

        Volatile.Write(ref _usedBlocks, _usedBlocks + (used ? count : -count));
        Debug.Assert(_usedBlocks >= 0 && _usedBlocks <= Blocks, "used blocks are blocks");
    }
}
