using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

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
    /// <summary>What a device says of bytes that are not the ones that were written: EBADMSG.</summary>
    internal const int NotAuthentic = 74;

    /// <summary>So many failures in a row, and nothing more is written to the file.</summary>
    internal const int MostFailures = 8;

    /// <summary>After the disk was full, so many looks at the file find no room before one tries it again.</summary>
    private const int RestAfterFull = 256;

    /// <summary>Share of the free blocks that may be on their way back to the file system at once, so that writers find the others.</summary>
    private const int TrimShift = 3;
    private const long MostTrimmed = (64L << 20) / SwapDevice.BufferAlignment;

    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    private readonly BlockAllocator _blocks = new(device.Bytes / device.BlockBytes);
    private int _state;
    private int _failedWrites;
    private int _writeError;
    private int _failedReads;
    private long _lastFailedRead = -1;
    private int _rest;
    private long _badBlocks;
    private long _trimming;

    /// <summary>Slots that hold a segment, or are about to.</summary>
    private int _segments;

    /// <summary>How often blocks have been given back (high half), and the shortest run that was looked for in vain since (low half). Blocks given back
    /// while somebody looks count as given back afterwards, so that what they make room for is never overlooked.</summary>
    private ulong _missingRun = uint.MaxValue;

    /// <summary>By log, what the segments in the file could hold, and what of that is dead: exact but for what is just being counted.</summary>
    private readonly long[] _held = new long[SegmentTable.MaxLogs];
    private readonly long[] _dead = new long[SegmentTable.MaxLogs];

    internal SwapDevice Device => device;

    internal int Priority => priority;

    /// <summary>Its place in the table, plus one: what segments call it. Constant once it is there.</summary>
    internal ushort Number { get; set; }

    internal AreaState State => (AreaState)Volatile.Read(ref _state);

    /// <summary>Bytes of the medium. Of an encrypted file that is more than the device takes.</summary>
    internal long Bytes => _blocks.Blocks * SwapDevice.BufferAlignment;

    /// <summary>Bytes of the slots that hold segments; of those lost to failed writes too.</summary>
    internal long UsedBytes => Math.Max(0, _blocks.UsedBlocks - Volatile.Read(ref _trimming)) * SwapDevice.BufferAlignment;

    /// <summary>Of these, bytes lost to failed writes.</summary>
    internal long BadBytes => Volatile.Read(ref _badBlocks) * SwapDevice.BufferAlignment;

    /// <summary>Of the bitmap of its blocks, and of the segment table for the segments that it holds.</summary>
    internal long MetadataBytes => (_blocks.Blocks / 8) + (SegmentCount * (long)Segment.Size);

    internal int SegmentCount => Volatile.Read(ref _segments);

    /// <summary>Whether no segment is in it, nor being written to it.</summary>
    internal bool IsEmpty => SegmentCount == 0;

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

    internal int SlotBlocks(int segmentBytes) => SlotBlocks(segmentBytes, device.BlockBytes);

    internal static int SlotBlocks(int segmentBytes, int blockBytes) => ((segmentBytes - 1) / blockBytes) + 1;

    internal bool HasRoom(int segmentBytes)
    {
        if (State != AreaState.InUse)
        {
            return false;
        }

        if (Volatile.Read(ref _rest) > 0)
        {
            Interlocked.Decrement(ref _rest);
            return false;
        }

        return HasBlocks(segmentBytes);
    }

    /// <summary>As <see cref="HasRoom"/>, whether the disk was full lately or not.</summary>
    internal bool MayHaveRoom(int segmentBytes) => State == AreaState.InUse && HasBlocks(segmentBytes);

    /// <summary>Whether enough is free for a segment, in one piece or not, and more than a share of the file.</summary>
    internal bool CanCompact(int segmentBytes, int shift) =>
        IsTaking && !HasBlocks(segmentBytes) && _blocks.FreeBlocks >= Math.Max(SlotBlocks(segmentBytes), _blocks.Blocks >> shift);

    /// <summary>Whether a slot that comes free here could be taken.</summary>
    internal bool IsTaking => State == AreaState.InUse && Volatile.Read(ref _rest) <= 0;

    /// <summary>Whether there is free space in front of a slot.</summary>
    internal bool IsFreeBefore(uint block) => block != 0 && !_blocks.IsUsed(block - 1);

    /// <summary>Makes the next slot be the first that is long enough.</summary>
    internal void Rewind() => _blocks.Rewind();

    /// <summary>Ends the rest of a file whose disk was full, since nothing else has room. False when it does not rest.</summary>
    internal bool TryEndRest() => State == AreaState.InUse && Volatile.Read(ref _rest) > 0 && Interlocked.Exchange(ref _rest, 0) > 0;

    /// <summary>A segment has come, or (with its size negative) is about to go.</summary>
    /// <param name="log">Whose it is.</param>
    /// <param name="holds">Bytes that it could hold.</param>
    /// <param name="live">Bytes that live in it.</param>
    internal void CountSegment(int log, int holds, int live)
    {
        Interlocked.Add(ref _held[log], holds);
        Interlocked.Add(ref _dead[log], holds - live);
    }

    /// <summary>An entry of a segment in the file has died, or has been moved off.</summary>
    internal void CountDead(int log, int bytes) => Interlocked.Add(ref _dead[log], bytes);

    /// <summary>Whether more than a share of what segments of a log could hold here is dead: then so is that much of at least one of them.</summary>
    internal bool HasDead(int log, int shift) => Volatile.Read(ref _dead[log]) > Volatile.Read(ref _held[log]) >> shift;

    private bool HasBlocks(int segmentBytes)
    {
        int blocks = SlotBlocks(segmentBytes);
        return _blocks.FreeBlocks >= blocks && (uint)blocks < (uint)Volatile.Read(ref _missingRun);
    }

    /// <summary>Takes a slot for a segment. False when there is none in one piece.</summary>
    internal bool TryTake(int segmentBytes, out uint block)
    {
        block = 0;
        if (!HasRoom(segmentBytes))
        {
            return false;
        }

        int blocks = SlotBlocks(segmentBytes);
        ulong missing = Volatile.Read(ref _missingRun);
        long first = _blocks.Allocate(blocks, reserve: 0);
        if (first == BlockAllocator.None)
        {
            // Fails when blocks have been given back since we looked, or another thread has noted its own failure: a hint less.
            ulong shorter = (missing & ~(ulong)uint.MaxValue) | Math.Min((uint)blocks, (uint)missing);
            Interlocked.CompareExchange(ref _missingRun, shorter, missing);
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
        NoteGivenBack();
        Interlocked.Decrement(ref _segments);
    }

    internal void CountWrite()
    {
        Volatile.Write(ref _failedWrites, 0);
        Volatile.Write(ref _writeError, 0);
    }

    /// <summary>The error of the last write that has ended; 0 when it went well. For who says why there is no room.</summary>
    internal int WriteError => Volatile.Read(ref _writeError);

    /// <summary>Takes back the slot of a failed write, and the file out of use when that keeps happening.</summary>
    internal void CountFailedWrite(int error, uint block, int segmentBytes)
    {
        Volatile.Write(ref _writeError, error);
        if (error == Interop.Errno.ENOMEM)
        {
            // It never came to the medium.
            GiveBack(block, segmentBytes);
            return;
        }

        if (error is NoSpace or QuotaExceeded)
        {
            // The medium is well, and there may be room again: blocks that were trimmed are not set aside any more.
            Volatile.Write(ref _rest, RestAfterFull);
            GiveBack(block, segmentBytes);
            return;
        }

        // The slot may be bad, so nobody gets it again.
        Interlocked.Add(ref _badBlocks, SlotBlocks(segmentBytes));
        Interlocked.Decrement(ref _segments);
        if (Interlocked.Increment(ref _failedWrites) >= MostFailures)
        {
            Retire();
        }
    }

    /// <summary>Reads on the calling thread, and keeps account.</summary>
    internal unsafe int Read(BlockRange range, byte* buffer, ulong stamp, Counters counters)
    {
        TestHook.MayFail(FailurePoint.DeviceRead);
        int error = device.Read(range.Offset, buffer, range.Length, stamp);
        if (error == 0)
        {
            counters.Add(Counter.BytesRead, range.Length);
            if (Volatile.Read(ref _failedReads) != 0)
            {
                Volatile.Write(ref _failedReads, 0);
            }
        }
        else if (error != NotAuthentic)
        {
            counters.Add(Counter.IoErrors);

            // One bad page that is asked for again and again does not make a bad file.
            if (Interlocked.Exchange(ref _lastFailedRead, range.Offset) != range.Offset && Interlocked.Increment(ref _failedReads) >= MostFailures)
            {
                Retire();
            }
        }

        return error;
    }

    /// <summary>Hands the space of free slots back to the file system, as far as it takes it.</summary>
    /// <returns>Bytes handed back.</returns>
    internal long TrimFree()
    {
        long trimmed = 0;
        for (long first = 0; ;)
        {
            long most = Math.Clamp(_blocks.FreeBlocks >> TrimShift, 1, MostTrimmed);
            first = _blocks.TakeFreeRun(first, most, out long count);
            if (first == BlockAllocator.None)
            {
                return trimmed;
            }

            Interlocked.Add(ref _trimming, count);
            int error;
            try
            {
                TestHook.MayFail(FailurePoint.DeviceWrite);
                error = device.Trim(first * device.BlockBytes, count * device.BlockBytes);
            }
            finally
            {
                _blocks.Free(first, count);
                Interlocked.Add(ref _trimming, -count);
                NoteGivenBack();
            }

            trimmed += error == 0 ? count * SwapDevice.BufferAlignment : 0;
            first += count;
        }
    }

    public void Dispose()
    {
        device.Dispose();
        claim?.Release();
    }

    /// <summary>After blocks have been given back: whoever looked in vain before does not say so any more.</summary>
    private void NoteGivenBack()
    {
        while (true)
        {
            ulong missing = Volatile.Read(ref _missingRun);
            if (Interlocked.CompareExchange(ref _missingRun, (((missing >> 32) + 1) << 32) | uint.MaxValue, missing) == missing)
            {
                return;
            }
        }
    }

    /// <summary>InUse → Retired.</summary>
    private void Retire() => Interlocked.CompareExchange(ref _state, (int)AreaState.Retired, (int)AreaState.InUse);
}
