using Paging.Diagnostics;
using Paging.Swap.Devices;

namespace Paging.Swap;

internal enum AreaState
{
    /// <summary>Takes segments and gives pages.</summary>
    InUse,

    /// <summary>Takes no more: it kept failing. What it holds is moved off as far as it can be read.</summary>
    Retired,

    /// <summary>Takes no more: swapoff is moving everything off.</summary>
    Removing,
}

/// <summary>One swap file as the segments see it: a device, what of it is free, and how it has been doing.</summary>
internal sealed class SwapArea(SwapDevice device, int priority, PathClaim? claim) : IDisposable
{
    /// <summary>So many failures in a row, and nothing more is written to the file.</summary>
    internal const int MostFailures = 8;

    private readonly BlockAllocator _blocks = new(device.Bytes / device.BlockBytes);
    private int _state;
    private int _failures;
    private long _badBlocks;

    /// <summary>Slots that hold a segment, or are about to.</summary>
    private int _segments;

    internal SwapDevice Device => device;

    internal int Priority => priority;

    /// <summary>Its place in the table, plus one: what segments call it. Constant once it is there.</summary>
    internal ushort Number { get; set; }

    internal AreaState State => (AreaState)Volatile.Read(ref _state);

    /// <summary>Bytes of the slots that hold segments; of those lost to failed writes too.</summary>
    internal long UsedBytes => _blocks.UsedBlocks * SwapDevice.BufferAlignment;

    /// <summary>Of these, bytes lost to failed writes.</summary>
    internal long BadBytes => Volatile.Read(ref _badBlocks) * SwapDevice.BufferAlignment;

    /// <summary>Of the bitmap of its blocks, and of the segment table for the segments that it holds.</summary>
    internal long MetadataBytes => (_blocks.Blocks / 8) + (Volatile.Read(ref _segments) * (long)Segment.Size);

    /// <summary>Whether no segment is in it, nor being written to it.</summary>
    internal bool IsEmpty => Volatile.Read(ref _segments) == 0;

    /// <summary>InUse → Removing, by the one that removes the file; false when another does. From Retired too.</summary>
    internal bool TryBeginRemoval(out AreaState before)
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            before = (AreaState)state;
            if (before == AreaState.Removing)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _state, (int)AreaState.Removing, state) == state)
            {
                return true;
            }
        }
    }

    /// <summary>Removing → what it was before.</summary>
    internal void AbandonRemoval(AreaState before) => Volatile.Write(ref _state, (int)before);

    internal int SlotBlocks(int segmentBytes) => ((segmentBytes - 1) / device.BlockBytes) + 1;

    internal bool HasRoom(int segmentBytes) =>
        State == AreaState.InUse && _blocks.FreeBlocks >= SlotBlocks(segmentBytes);

    /// <summary>Takes a slot for a segment. False when there is none in one piece.</summary>
    internal bool TryTake(int segmentBytes, out uint block)
    {
        block = 0;
        long first = HasRoom(segmentBytes) ? _blocks.Allocate(SlotBlocks(segmentBytes), reserve: 0) : BlockAllocator.None;
        if (first == BlockAllocator.None)
        {
            return false;
        }

        block = (uint)first;
        Interlocked.Increment(ref _segments);

        // Pairs with TryBeginRemoval: either the state is seen here, or the slot is seen by whoever waits for the file to be empty.
        Interlocked.MemoryBarrier();
        if (State == AreaState.InUse)
        {
            return true;
        }

        GiveBack(block, segmentBytes);
        return false;
    }

    internal void GiveBack(uint block, int segmentBytes)
    {
        _blocks.Free(block, SlotBlocks(segmentBytes));
        Interlocked.Decrement(ref _segments);
    }

    /// <summary>Keeps a slot out of use whose writing failed: the medium may be bad there.</summary>
    internal void Quarantine(int segmentBytes)
    {
        Interlocked.Add(ref _badBlocks, SlotBlocks(segmentBytes));
        Interlocked.Decrement(ref _segments);
    }

    internal void CountSuccess()
    {
        if (Volatile.Read(ref _failures) != 0)
        {
            Volatile.Write(ref _failures, 0);
        }
    }

    /// <summary>InUse → Retired when it keeps failing.</summary>
    internal void CountFailure()
    {
        if (Interlocked.Increment(ref _failures) >= MostFailures)
        {
            Interlocked.CompareExchange(ref _state, (int)AreaState.Retired, (int)AreaState.InUse);
        }
    }

    /// <summary>Hands the space of free slots back to the file system, as far as it takes it.</summary>
    /// <returns>Bytes handed back.</returns>
    internal long TrimFree()
    {
        long trimmed = 0;
        long count;
        for (long first = 0; (first = _blocks.TakeFreeRun(first, MostTrimmed, out count)) != BlockAllocator.None; first += count)
        {
            int error = device.Trim(first * device.BlockBytes, count * device.BlockBytes);
            _blocks.Free(first, count);
            trimmed += error == 0 ? count * SwapDevice.BufferAlignment : 0;
        }

        return trimmed;
    }

    /// <summary>Blocks handed back in one call, so that writers find the others meanwhile.</summary>
    private const long MostTrimmed = (64L << 20) / SwapDevice.BufferAlignment;

    /// <summary>What a device says of bytes that are not the ones that were written: EBADMSG.</summary>
    internal const int NotAuthentic = 74;

    /// <summary>Reads on the calling thread, and keeps account.</summary>
    internal unsafe int Read(BlockRange range, byte* buffer, ulong stamp, Counters counters)
    {
        int error = device.Read(range.Offset, buffer, range.Length, stamp);
        if (error == 0)
        {
            CountSuccess();
            counters.Add(Counter.BytesRead, range.Length);
        }
        else if (error != NotAuthentic)
        {
            CountFailure();
            counters.Add(Counter.IoErrors);
        }

        return error;
    }

    public void Dispose()
    {
        device.Dispose();
        claim?.Release();
    }
}
