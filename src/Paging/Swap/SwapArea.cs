using Paging.Diagnostics;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

internal enum AreaState
{
    /// <summary>Takes segments, and pages are loaded from it.</summary>
    InUse,

    /// <summary>Takes no more segments, since it kept failing. What it holds is moved off, as far as it can be read.</summary>
    Retired,

    /// <summary>Takes no more segments: swapoff is moving everything off. Takes some again if that fails.</summary>
    Removing,

    /// <summary>As Removing, of a file that was retired, and is again if that fails.</summary>
    RemovingRetired,
}

/// <summary>One swap file as the segments see it: a device, its free blocks, and its record of failures.</summary>
internal sealed class SwapArea(SwapDevice device, int priority, PathClaim? claim) : IDisposable
{
    /// <summary>The error of a device for bytes that are not the ones that were written: EBADMSG.</summary>
    internal const int NotAuthentic = 74;

    /// <summary>After so many failures in a row, nothing more is written to the file.</summary>
    internal const int MaxFailures = 8;

    /// <summary>The share of the free blocks, as a shift, that may be on their way back to the file system at once, so that writers find
    /// the others.</summary>
    private const int TrimShift = 3;
    private const long MaxTrimmed = (64L << 20) / SwapDevice.BufferAlignment;

    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    private readonly BlockAllocator _blocks = new(device.Bytes / device.BlockBytes);
    private int _state;
    private int _failedWrites;
    private int _writeError;
    private int _failedReads;
    private long _lastFailedRead = -1;

    private FileRest _rest;
    private long _badBlocks;
    private long _trimming;
    private int _trimmers;
    private long _returns;

    /// <summary>Slots that hold a segment, or are about to hold one.</summary>
    private int _segments;

    /// <summary>High half: how often blocks have been given back. Low half: the length of the shortest run that was looked for in vain
    /// since. Blocks given back during a search count as given back after it, so that the room they make is never overlooked.</summary>
    private ulong _missingRun = uint.MaxValue;

    /// <summary>By log: the bytes that its segments in the file could hold, and those of them that are dead. Exact except for what is just
    /// being counted.</summary>
    private readonly long[] _held = new long[SegmentTable.MaxLogs];
    private readonly long[] _dead = new long[SegmentTable.MaxLogs];

    internal SwapDevice Device => device;

    internal int Priority => priority;

    /// <summary>Its place in the table, plus one: the number by which segments name it. Constant once it is in the table.</summary>
    internal ushort Number { get; set; }

    internal AreaState State => (AreaState)Volatile.Read(ref _state);

    /// <summary>Bytes of the medium. For an encrypted file this is more than the device takes.</summary>
    internal long Bytes => _blocks.Blocks * SwapDevice.BufferAlignment;

    /// <summary>Bytes of the slots that hold segments, and of those lost to failed writes.</summary>
    internal long UsedBytes => Math.Max(0, _blocks.UsedBlocks - Volatile.Read(ref _trimming)) * SwapDevice.BufferAlignment;

    /// <summary>Bytes of the slots lost to failed writes, which are part of <see cref="UsedBytes"/>.</summary>
    internal long BadBytes => Volatile.Read(ref _badBlocks) * SwapDevice.BufferAlignment;

    /// <summary>Bytes of the bitmap of its blocks, and of the segment table's entries for its segments.</summary>
    internal long MetadataBytes => (_blocks.Blocks / 8) + (SegmentCount * (long)Segment.Size);

    internal int SegmentCount => Volatile.Read(ref _segments);

    /// <summary>Whether no segment is in it or being written to it.</summary>
    internal bool IsEmpty => SegmentCount == 0;

    /// <summary>InUse → Removing, or Retired → RemovingRetired: by the thread that removes the file. False when another thread does.</summary>
    internal bool TryBeginRemoval(out AreaState before)
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            before = (AreaState)state;
            if (before is AreaState.Removing or AreaState.RemovingRetired)
            {
                return false;
            }

            AreaState removing = before == AreaState.Retired ? AreaState.RemovingRetired : AreaState.Removing;
            if (Interlocked.CompareExchange(ref _state, (int)removing, state) == state)
            {
                return true;
            }
        }
    }

    /// <summary>Removing, RemovingRetired → the state before. Its free slots can be taken again.</summary>
    internal void AbandonRemoval(AreaState before)
    {
        Volatile.Write(ref _state, (int)before);
        Interlocked.Increment(ref _returns);
    }

    internal int SlotBlocks(int segmentBytes) => SlotBlocks(segmentBytes, device.BlockBytes);

    internal static int SlotBlocks(int segmentBytes, int blockBytes) => ((segmentBytes - 1) / blockBytes) + 1;

    internal bool HasRoom(int segmentBytes) => State == AreaState.InUse && _rest.TryPass() && HasBlocks(segmentBytes);

    /// <summary>As <see cref="HasRoom"/>, but also true of a file whose disk was full lately.</summary>
    internal bool MayHaveRoom(int segmentBytes) => State == AreaState.InUse && HasBlocks(segmentBytes);

    /// <summary>Whether enough blocks are free for a segment, though not in one piece, and more than a share of the file, as a
    /// shift.</summary>
    internal bool CanCompact(int segmentBytes, int shift) =>
        IsTaking && !HasBlocks(segmentBytes) && _blocks.FreeBlocks >= Math.Max(SlotBlocks(segmentBytes), _blocks.Blocks >> shift);

    /// <summary>Whether a slot that becomes free here could be taken.</summary>
    internal bool IsTaking => State == AreaState.InUse && !IsResting;

    /// <summary>Whether there is free space in front of a slot.</summary>
    internal bool IsFreeBefore(uint block) => block != 0 && !_blocks.IsUsed(block - 1);

    /// <summary>Makes the next slot the first one in the file that is long enough.</summary>
    internal void Rewind() => _blocks.Rewind();

    /// <summary>Whether the file is not tried for now, since its disk was full.</summary>
    internal bool IsResting => _rest.IsOn;

    /// <summary>How often a rest has begun.</summary>
    internal long RestsBegun => _rest.Begun;

    /// <summary>Ends the rest of a file whose disk was full, since no other file has room. False when it does not rest.</summary>
    internal bool TryEndRest() => State == AreaState.InUse && _rest.TryEnd();

    /// <summary>Counts a segment that has come, or (with negative sizes) one that is about to go.</summary>
    /// <param name="log">The number of the segment's log.</param>
    /// <param name="holds">Bytes that the segment could hold.</param>
    /// <param name="live">Bytes that are alive in it.</param>
    internal void CountSegment(int log, int holds, int live)
    {
        Interlocked.Add(ref _held[log], holds);
        Interlocked.Add(ref _dead[log], holds - live);
    }

    /// <summary>Counts bytes of an entry of a segment in the file that has died, or has been moved off.</summary>
    internal void CountDead(int log, int bytes) => Interlocked.Add(ref _dead[log], bytes);

    /// <summary>Whether more than a share, as a shift, of the bytes that a log's segments could hold here is dead. Then as much is dead of
    /// at least one of them.</summary>
    internal bool HasDead(int log, int shift) => Volatile.Read(ref _dead[log]) > Volatile.Read(ref _held[log]) >> shift;

    /// <summary>How often blocks have come free. Does not count those of a write that failed: as long as it would fail again, a thread that
    /// looked again for them would do so for ever.</summary>
    internal long Returns => Volatile.Read(ref _returns);

    /// <summary>Whether free blocks are on their way to the file system, so that writers do not find them.</summary>
    internal bool IsTrimming => Volatile.Read(ref _trimmers) != 0;

    private bool HasBlocks(int segmentBytes)
    {
        int blocks = SlotBlocks(segmentBytes);
        return _blocks.FreeBlocks >= blocks && (uint)blocks < (uint)Volatile.Read(ref _missingRun);
    }

    /// <summary>Takes a slot for a segment. False when no free run is long enough.</summary>
    internal bool TryTake(int segmentBytes, out uint block)
    {
        block = 0;
        if (!HasRoom(segmentBytes))
        {
            return false;
        }

        int blocks = SlotBlocks(segmentBytes);
        ulong missing = Volatile.Read(ref _missingRun);
        long first = _blocks.Allocate(blocks);
        if (first == BlockAllocator.None)
        {
            // Fails when blocks have been given back meanwhile, or another thread has noted its own failure: that loses a hint only.
            ulong shorter = (missing & ~(ulong)uint.MaxValue) | Math.Min((uint)blocks, (uint)missing);
            Interlocked.CompareExchange(ref _missingRun, shorter, missing);
            return false;
        }

        block = (uint)first;
        Interlocked.Increment(ref _segments);

        // Pairs with TryBeginRemoval: either this thread sees the state, or the thread that waits for the file to be empty sees the slot.
        Interlocked.MemoryBarrier();
        if (State == AreaState.InUse)
        {
            return true;
        }

        GiveBackUnused(block, segmentBytes);
        return false;
    }

    /// <summary>Gives back the slot of a segment that has left it.</summary>
    internal void GiveBack(uint block, int segmentBytes)
    {
        GiveBackUnused(block, segmentBytes);
        Interlocked.Increment(ref _returns);
    }

    internal void CountWrite()
    {
        Volatile.Write(ref _failedWrites, 0);
        Volatile.Write(ref _writeError, 0);
    }

    /// <summary>The pager's name, for events.</summary>
    internal string PagerName { get; init; } = string.Empty;

    /// <summary>The error of the last write that has ended; 0 when it succeeded. For messages that say why there is no room.</summary>
    internal int WriteError => Volatile.Read(ref _writeError);

    /// <summary>Takes back the slot of a failed write; retires the file when writes keep failing.</summary>
    internal void CountFailedWrite(int error, uint block, int segmentBytes)
    {
        Volatile.Write(ref _writeError, error);
        if (error is NoSpace or QuotaExceeded or Interop.Errno.ENOMEM)
        {
            // The medium is well, and there may be room (or memory for the transfer) again later: blocks that were trimmed are not set aside
            // any more. Until then the file rests, so that nobody tries without end.
            _rest.Begin();
            GiveBackUnused(block, segmentBytes);
            return;
        }

        // The slot may be bad, so it is not used again.
        Interlocked.Add(ref _badBlocks, SlotBlocks(segmentBytes));
        Interlocked.Decrement(ref _segments);
        if (Interlocked.Increment(ref _failedWrites) >= MaxFailures)
        {
            Retire(error);
        }
    }

    /// <summary>Reads on the calling thread, and counts failures.</summary>
    internal unsafe int Read(BlockRange range, byte* buffer, ulong stamp, Counters counters)
    {
        TestHook.MayFail(FailurePoint.DeviceRead);
        return Note(range, device.Read(range.Offset, buffer, range.Length, stamp), counters);
    }

    /// <summary>Counts a read of an entry, and what its failure says of the file.</summary>
    /// <returns>The error number that was given.</returns>
    internal int Note(in BlockRange range, int error, Counters counters)
    {
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
            if (Interlocked.Exchange(ref _lastFailedRead, range.Offset) != range.Offset
                && Interlocked.Increment(ref _failedReads) >= MaxFailures)
            {
                Retire(error);
            }
        }

        return error;
    }

    /// <summary>Gives the space of free slots back to the file system, as far as it takes it.</summary>
    /// <returns>Bytes handed back.</returns>
    internal long TrimFree()
    {
        long trimmed = 0;
        for (long first = 0; first != BlockAllocator.None;)
        {
            trimmed += TrimRun(ref first);
        }

        return trimmed;
    }

    /// <summary>Gives the space of the next run of free slots back.</summary>
    /// <param name="first">The block to look from; set to the one behind the run, or to none when there is no run.</param>
    /// <returns>Bytes handed back.</returns>
    private long TrimRun(ref long first)
    {
        // From before the blocks are taken until it can be seen that they are free again.
        Interlocked.Increment(ref _trimmers);
        try
        {
            long max = Math.Clamp(_blocks.FreeBlocks >> TrimShift, 1, MaxTrimmed);
            first = _blocks.TakeFreeRun(first, max, out long count);
            if (first == BlockAllocator.None)
            {
                return 0;
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
                Interlocked.Increment(ref _returns);
            }

            first += count;
            return error == 0 ? count * SwapDevice.BufferAlignment : 0;
        }
        finally
        {
            Interlocked.Decrement(ref _trimmers);
        }
    }

    public void Dispose()
    {
        device.Dispose();
        claim?.Release();
    }

    /// <summary>Gives back a slot that has come to hold no segment.</summary>
    private void GiveBackUnused(uint block, int segmentBytes)
    {
        _blocks.Free(block, SlotBlocks(segmentBytes));
        Interlocked.Decrement(ref _segments);
        NoteGivenBack();
    }

    /// <summary>Forgets the searches that failed, after blocks have been given back.</summary>
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
    private void Retire(int error)
    {
        if (Interlocked.CompareExchange(ref _state, (int)AreaState.Retired, (int)AreaState.InUse) == (int)AreaState.InUse)
        {
            PagingEvents.NoteSwapFileRetired(PagerName, device.Path, error);
        }
    }
}
