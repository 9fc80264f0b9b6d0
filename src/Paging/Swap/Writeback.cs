using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The outcome of an attempt to start writing a segment.</summary>
internal enum WritebackStart
{
    /// <summary>A segment is being written.</summary>
    Started,

    /// <summary>The maximum number of segments is already being written.</summary>
    Busy,

    /// <summary>The coldest segment is worth emptying in memory, because much of it is dead. Only until it has been tried.</summary>
    Dead,

    /// <summary>The coldest segment was emptied in memory instead.</summary>
    Cleaned,

    /// <summary>No file has a slot for the segment.</summary>
    NoSlot,

    /// <summary>The log has no segment to write.</summary>
    Nothing,
}

/// <summary>Takes the coldest segments out of the pool. A sealed segment is written to a file as it stands, from its own memory, in one
/// transfer; then its memory is given back. No descriptor is touched, and nothing is decoded or encoded.</summary>
/// <remarks>
/// When: in the background as soon as a log has fewer free segments than it should keep ahead (<see cref="SegmentLog.IsShortBeside"/>), and
/// by a store that finds none (<see cref="Room"/>).
/// Which: in the order in which segments were sealed, which is the order of eviction. A segment from which enough has been loaded since it
/// was sealed or last passed over gets a second chance: it goes to the end of the order. A segment that is dead in good part is emptied by
/// the cleaner instead, so that what is written is mostly alive.
///
/// While a segment is written it stays pinned, so that neither its memory nor its slot can be reused. If it is emptied meanwhile, giving
/// back that pin frees it. Completions run on the engine's thread, and never block.
/// </remarks>
internal sealed unsafe partial class Writeback
{
    /// <summary>Segments that may be under way at once.</summary>
    internal const int Depth = 4;

    /// <summary>Segments that one search may pass over before it takes the next one whatever its pages say, so that the search
    /// ends.</summary>
    private const int MaxChances = 8;

    /// <summary>A segment is written when at least this share of it is alive, so that the bytes written are at most 1/0.85 of the live
    /// bytes demoted; except damaged segments, those taken after the last chance, and those that there was no room to empty.</summary>
    private const double MinAlive = 0.85;

    /// <summary>A segment is not cold when more than this share of it has been loaded since it was sealed.</summary>
    private const double MaxLoaded = 0.25;

    private readonly SegmentTable _segments;
    private readonly PoolBudget _budget;
    private readonly Counters _counters;

    /// <summary>Guards the choice of segments and the taking of requests. No I/O happens under it, and no completion waits for
    /// it.</summary>
    private readonly Gate _gate = new();
    private readonly SegmentWrite[] _writes = new SegmentWrite[Depth];
    private int _inFlight;

    internal Writeback(SegmentTable segments, PoolBudget budget, Counters counters)
    {
        _segments = segments;
        _budget = budget;
        _counters = counters;
        for (int i = 0; i < Depth; i++)
        {
            _writes[i] = new SegmentWrite(this);
        }
    }

    /// <summary>Counts completions, so that threads can wait for one.</summary>
    internal EventCount Completions { get; } = new();

    /// <summary>Segments that are being written.</summary>
    internal int InFlight => Shared.Read(SharedWord.Counter, ref _inFlight);

    /// <summary>Drops what need not be written.</summary>
    internal RedundantEntries? Redundant { get; set; }

    /// <summary>Kept alive while a transfer is under way, since its finalizer unmaps the memory that is being written.</summary>
    internal object? Owner { get; set; }

    /// <summary>Takes one step ahead of demand. True when there may be more to do at once.</summary>
    internal bool WriteAhead(SegmentLog log) =>
        log.IsShortBeside(InFlight) && TryStart(log) is WritebackStart.Started or WritebackStart.Cleaned;

    /// <summary>Frees memory of a log, by writing, for a thread that needs some now. Waits for a device: the caller must hold
    /// nothing.</summary>
    /// <returns>True when it is worth looking for a segment again; false when nothing can be written any more.</returns>
    internal bool TryMakeRoom(SegmentLog log, StoreLevel level)
    {
        if (!_segments.Files.IsAny)
        {
            return false;
        }

        long seen = Completions.Count;
        if (log.Chunks.HasFreeChunk(level))
        {
            return true;
        }

        switch (TryStart(log))
        {
            case WritebackStart.Cleaned:
                return true;

            case WritebackStart.Started:
                // Further writes are started now. They proceed while this thread waits for the first one.
                while (log.IsShortBeside(InFlight) && TryStart(log) == WritebackStart.Started)
                {
                }

                Completions.WaitBeyond(seen);
                return true;

            case WritebackStart.Busy:
                Completions.WaitBeyond(seen);
                return true;

            default:
                if (InFlight == 0)
                {
                    // The last transfer may have ended since we looked; or a segment's memory is free as soon as its last reader leaves.
                    return Completions.Count != seen || log.Chunks.HasFreeChunk(level) || log.Cleaner.AwaitReaders();
                }

                Completions.WaitBeyond(seen);
                return true;
        }
    }

    /// <summary>Starts to write the coldest segment of a log.</summary>
    internal WritebackStart TryStart(SegmentLog log)
    {
        WritebackStart start = Choose(log, MaxChances, out int victim, out SegmentWrite? write);
        if (start == WritebackStart.Dead)
        {
            if (log.Cleaner.TryCleanOut(victim))
            {
                return WritebackStart.Cleaned;
            }

            // There was no room to empty it into. Then it is written, dead entries and all.
            start = Choose(log, chances: 0, out victim, out write);
        }

        if (start == WritebackStart.Started)
        {
            Submit(write!, victim);
        }

        return start;
    }

    /// <summary>Notes that a transfer has ended, well or not. Called on the engine's thread.</summary>
    internal void Complete(SegmentWrite write)
    {
        int number = write.Segment;
        Segment* segment = _segments[number];
        SegmentLog log = _segments.Logs[segment->Log]!;
        SwapArea area = _segments.Files.Of(segment);
        if (write.Error == 0)
        {
            area.CountWrite();
            _counters.Add(Counter.Writebacks);
            _counters.Add(Counter.BytesWritten, (long)area.SlotBlocks(write.Length) * SwapDevice.BufferAlignment);

            // The thread that gives back the last pin, often this one, gives back the memory. If the segment is being emptied, or nothing
            // in it is alive any more, it need not be in a file.
            if (SegmentWord.TryBeginDemote(&segment->Word))
            {
                NoteDemoting(number);
            }
            else
            {
                _segments.Files.Free(segment, log.SegmentBytes);
            }
        }
        else
        {
            // Nothing is lost: the segment stays in the pool, and is written elsewhere later.
            _counters.Add(Counter.IoErrors);
            uint block = segment->Block;
            segment->File = 0;
            area.CountFailedWrite(write.Error, block, log.SegmentBytes);
        }

        log.Sealed.Refresh(segment->Chunk);
        _segments.Unpin(number);
    }

    /// <summary>Notes that the device has let go of a request.</summary>
    internal void Release(SegmentWrite write)
    {
        write.IsBusy = false;
        Interlocked.Decrement(ref _inFlight);
        Completions.Signal();
        _budget.Signal?.Wake();
    }

    private SegmentWrite? FindIdle()
    {
        foreach (SegmentWrite write in _writes)
        {
            if (!write.IsBusy)
            {
                return write;
            }
        }

        return null;
    }

    /// <summary>Finds the segment that is to be written.</summary>
    /// <param name="log">The log to choose from.</param>
    /// <param name="chances">How many segments may be passed over or emptied instead.</param>
    /// <param name="victim">The segment. If it is to be written, it is pinned, and has a slot and a stamp for this write.</param>
    /// <param name="write">The request, if the segment is to be written.</param>
    /// <returns>Dead when the segment is worth emptying instead, which is left to the caller.</returns>
    private WritebackStart Choose(SegmentLog log, int chances, out int victim, out SegmentWrite? write)
    {
        write = null;
        victim = -1;
        using Gate.Scope held = _gate.Enter();
        for (; ; chances--)
        {
            write = FindIdle();
            if (write is null)
            {
                return WritebackStart.Busy;
            }

            victim = log.Sealed.FindColdest();
            if (victim < 0)
            {
                return WritebackStart.Nothing;
            }

            if (!TryPinSealed(log, victim))
            {
                continue;
            }

            Segment* segment = _segments[victim];
            if (log.Sealed.TryTakeRedundant(segment->Chunk))
            {
                Redundant!.DropIn(log, victim);
            }

            switch (Judge(segment, mayPass: chances > 0))
            {
                case Verdict.Write:
                    return TakeSlotUnsynchronized(log, victim, write);

                case Verdict.Dead:
                    _segments.Unpin(victim);
                    return WritebackStart.Dead;

                case Verdict.Loaded:
                    segment->Loaded = 0;
                    segment->SealedAt = _segments.NextSeal();
                    log.Sealed.Refresh(segment->Chunk);
                    break;
            }

            // If it is empty, giving our pin back frees it, unless the thread that emptied it is yet to try.
            _segments.Unpin(victim);
        }
    }

    /// <summary>What is to be done with the coldest segment, which the caller has pinned.</summary>
    private static Verdict Judge(Segment* segment, bool mayPass)
    {
        int live = Volatile.Read(ref segment->Live) << Location.UnitShift;
        if (live == 0)
        {
            return Verdict.Empty;
        }

        if (mayPass && (long)segment->Loaded << Location.UnitShift > MaxLoaded * segment->Used)
        {
            return Verdict.Loaded;
        }

        return mayPass && segment->Damaged == 0 && live < MinAlive * segment->Used ? Verdict.Dead : Verdict.Write;
    }

    /// <summary>Gives a segment that the caller has pinned a stamp and a slot for its write. Without a slot the pin goes back.</summary>
    private WritebackStart TakeSlotUnsynchronized(SegmentLog log, int victim, SegmentWrite write)
    {
        // A stamp that no other write has. It also puts the segment at the end of the order, in case the write fails.
        Segment* segment = _segments[victim];
        segment->SealedAt = _segments.NextSeal();
        bool hasSlot = _segments.Files.TryTake(segment, log.SegmentBytes);
        log.Sealed.Refresh(segment->Chunk);
        if (!hasSlot)
        {
            _segments.Unpin(victim);
            return WritebackStart.NoSlot;
        }

        NoteChosen(victim);
        write.IsBusy = true;
        Interlocked.Increment(ref _inFlight);
        return WritebackStart.Started;
    }

    /// <summary>Pins a segment that was chosen without a pin, if it is still sealed, in no file, and of this log.</summary>
    private bool TryPinSealed(SegmentLog log, int number)
    {
        if (!_segments.TryPin(number, out _))
        {
            return false;
        }

        Segment* segment = _segments[number];
        if (SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.Sealed && segment->File == 0 && segment->Log == log.Index)
        {
            return true;
        }

        _segments.Unpin(number);
        return false;
    }

    private void Submit(SegmentWrite write, int victim)
    {
        Segment* segment = _segments[victim];
        SwapDevice device = _segments.Files.Of(segment).Device;
        write.Segment = victim;
        write.Operation = IoOperation.Write;
        write.Offset = segment->Block * (long)device.BlockBytes;
        write.Buffer = segment->Address;
        write.Length = segment->Used;
        write.Stamp = (ulong)segment->SealedAt;
        write.KeepAlive = Owner;
        write.Begin();
        try
        {
            TestHook.MayFail(FailurePoint.DeviceWrite);
            device.Submit(write);
        }
        catch when (!write.IsComplete)
        {
            // The device has not taken it, and no other thread will complete it. The segment keeps its memory, and its slot is given back.
            write.Complete(Interop.Errno.ENOMEM);
            throw;
        }
    }

    /// <summary>What is to be done with a segment.</summary>
    private enum Verdict
    {
        /// <summary>It is written.</summary>
        Write,

        /// <summary>Nothing lives in it.</summary>
        Empty,

        /// <summary>Enough of it has been loaded lately: it gets a second chance.</summary>
        Loaded,

        /// <summary>Too little of it is alive to be written.</summary>
        Dead,
    }
}
