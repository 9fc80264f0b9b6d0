using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;
using Paging.Codecs;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The swap layer: stores, loads and frees pages, by descriptor. Knows nothing of page tables or arrays.</summary>
/// <remarks>All members are thread-safe. Nothing here allocates managed memory. Loads and stores may wait for devices, and hold nothing but
/// pins meanwhile.</remarks>
internal sealed unsafe partial class SwapStore
{
    internal const int MaxPageBytes = 4 << 20;

    private const long PoolForMaxPages = 4L << 30;

    private readonly SegmentTable _segments;
    private readonly DescriptorTable _descriptors = new();
    private readonly PoolBudget _budget;
    private readonly Counters _counters;
    private readonly Writeback _writeback;
    private readonly FileCleaner _fileCleaner;
    private readonly Recompressor _recompressor;
    private readonly int _writers;
    private readonly BufferLimits _buffers;

    /// <param name="poolBytes">The pool's size in bytes: at least <see cref="LogGeometry.MinPoolBytes"/> of
    /// <paramref name="pageBytes"/>.</param>
    /// <param name="pageBytes">The page size that the first log is made for.</param>
    /// <param name="writers">Threads that may append at once.</param>
    /// <param name="counters">Shared with the layers above.</param>
    /// <param name="time">The clock that tells how long pages have been left alone; null for the system's.</param>
    /// <param name="coldAfter">How long a page must be left alone before it is compressed again; null for the default, negative for
    /// never.</param>
    /// <param name="residentBytes">What frames may take, which buffers are a part of.</param>
    internal SwapStore(
        long poolBytes,
        int pageBytes,
        int writers,
        Counters counters,
        TimeProvider? time = null,
        TimeSpan? coldAfter = null,
        long residentBytes = long.MaxValue)
    {
        _budget = new PoolBudget(poolBytes);
        _counters = counters;
        try
        {
            _segments = new SegmentTable(_budget, counters);
            _writeback = new Writeback(_segments, _budget, counters);
            _fileCleaner = new FileCleaner(_segments, _descriptors, counters);
            Loader = new PageLoader(_segments, _descriptors, counters);
            var redundant = new RedundantEntries(_segments, _descriptors, _budget);
            _writeback.Redundant = redundant;
            Room = new Room(_segments, _budget, _writeback, _fileCleaner, redundant);
            Swapoff = new Swapoff(_segments, _descriptors, counters, Room, _fileCleaner, _writeback, Rundown);
            _recompressor = new Recompressor(_segments, _budget, time ?? TimeProvider.System, coldAfter ?? Recompressor.DefaultAge);
            _writers = writers;
            _buffers = BufferLimits.For(residentBytes);
            if (!TryAddLog(pageBytes))
            {
                // An empty pool has room for its reserves, so it was the system that refused memory.
                throw VirtualMemory.Refused(LogGeometry.MinPoolBytes(pageBytes), "memory for the pool's first segments", error: 0);
            }
        }
        catch
        {
            _segments?.Release();
            _recompressor?.Release();
            _descriptors.Release();
            throw;
        }
    }

    internal PoolBudget Budget => _budget;

    internal Counters Counters => _counters;

    internal DescriptorTable Descriptors => _descriptors;

    internal SegmentTable Segments => _segments;

    internal PageLoader Loader { get; }

    internal Room Room { get; }

    /// <summary>Entered by every operation that stores or loads, so that Dispose can wait for them.</summary>
    internal Rundown Rundown { get; } = new(Environment.ProcessorCount);

    internal Recompressor Recompressor => _recompressor;

    internal long MetadataBytes => _descriptors.Bytes + Files.MetadataBytes + _recompressor.Bytes;

    /// <summary>The log whose segments hold pages of this length; null when there is none yet.</summary>
    internal SegmentLog? LogFor(int pageLength)
    {
        SegmentLog? best = null;
        foreach (SegmentLog? log in _segments.Logs)
        {
            if (log!.Geometry.MaxPage >= pageLength && (best is null || log.Geometry.MaxPage < best.Geometry.MaxPage))
            {
                best = log;
            }
        }

        return best;
    }

    /// <summary>Makes sure that pages of this length can be stored.</summary>
    /// <remarks>The caller has checked <see cref="LogGeometry.MinPoolBytes"/>.</remarks>
    /// <returns>False when the pool is too full for the reserve of the new log.</returns>
    internal bool TryAddLog(int pageLength)
    {
        for (int looks = 1; ; looks++)
        {
            using (_budget.Gate.Enter())
            {
                if (LogFor(pageLength) is not null)
                {
                    return true;
                }

                // Lower than the budget that the caller has seen, perhaps, while that moves.
                if (_budget.LimitBytes < LogGeometry.MinPoolBytes(pageLength))
                {
                    return false;
                }

                LogGeometry geometry = LogGeometry.For(_budget.LimitBytes, _segments.Logs.IsEmpty ? pageLength : LogPageFor(pageLength));
                long reserve = (1 + geometry.LastResortSegments) * ((long)geometry.SegmentBytes + Segment.Size);
                if (_budget.RemainingBytes >= reserve)
                {
                    return TryMakeLogUnsynchronized(geometry);
                }
            }

            if (!Room.TryTakeForNewLog(looks))
            {
                return false;
            }
        }
    }

    /// <summary>Whether an ordinary page of this length would find room now, emptying a segment if need be.</summary>
    internal bool HasRoom(int length)
    {
        if (LogFor(length) is not { } log)
        {
            return false;
        }

        if (Room.Admits(log, length))
        {
            if (log.Chunks.HasRoom)
            {
                return true;
            }
        }
        else if (!Files.IsAny)
        {
            return false;
        }

        // No segment is free, but one may be emptied, or an open one may have room. The caller need not have entered the rundown for that.
        using Rundown.Scope held = Rundown.Hold();
        if (!held.IsInside)
        {
            return false;
        }

        StoreTicket ticket = Prepare(length, StoreLevel.Normal, isPublic: false);
        Cancel(ticket);
        return ticket.Writer is not null;
    }

    /// <summary>Whether a page finds room in memory without any segment being emptied or written for it; a redundant one, also where others
    /// of its kind make way.</summary>
    internal bool HasRoomAtHand(int length, bool isRedundant = false) =>
        LogFor(length) is { } log && (log.Chunks.HasRoom || (isRedundant && _budget.RedundantBytes >= log.SegmentBytes));

    /// <summary>Whether a stored page is in memory. A hint, for any number.</summary>
    internal bool IsInMemory(uint index)
    {
        Location location = _descriptors.Locate(index);
        return location.Where == Location.Kind.Segment
            && SegmentWord.State(SegmentWord.Load(&_segments[location.Segment]->Word)) is not (SegmentState.OnFile or SegmentState.FileCleaning);
    }

    /// <summary>Takes what storing one page needs, before the page is claimed: a descriptor, and room for the raw page.</summary>
    /// <remarks>A ticket without room can still store a same-filled page.</remarks>
    internal StoreTicket Prepare(int length, StoreLevel level, bool isPublic)
    {
        uint index = _descriptors.Take(isPublic);
        if (index == 0)
        {
            return default;
        }

        SegmentLog? log = LogFor(length);
        if (log is null || level == StoreLevel.NoRoom)
        {
            return new StoreTicket(index, null);
        }

        LogWriter? writer = null;
        bool complete = false;
        try
        {
            writer = Room.TryPrepare(log, length, level);
            complete = true;
            return new StoreTicket(index, writer);
        }
        finally
        {
            if (!complete)
            {
                Cancel(new StoreTicket(index, writer));
            }
        }
    }

    /// <summary>Stores a page with a ticket prepared for it. The ticket is used up in any case.</summary>
    /// <param name="ticket">From <see cref="Prepare"/>.</param>
    /// <param name="page">The page. It must not change meanwhile.</param>
    /// <param name="length">The page's length in bytes: at most the length that the ticket was prepared for.</param>
    /// <param name="policy">The owner's policy, which says how the page is compressed.</param>
    /// <param name="isRedundant">Whether the owner can have the page from elsewhere: then it is dropped when its room is wanted.</param>
    /// <returns>The descriptor, with one reference; 0 when the ticket has no room and the page needs some.</returns>
    internal uint Store(StoreTicket ticket, byte* page, int length, CompressionPolicy policy, bool isRedundant = false)
    {
        uint index = ticket.Index;
        if (SameFilled.TryFind(page, length, out Vector128<byte> pattern))
        {
            ticket.Writer?.GiveBack();
            _segments.Accounts.StoredPattern();
            _descriptors.Publish(index, Location.AsPattern(length), pattern.AsUInt64()[0], pattern.AsUInt64()[1]);
            return index;
        }

        if (ticket.Writer is not { } writer)
        {
            Cancel(ticket);
            return 0;
        }

        Location location = default;
        int encoded;
        StoredForm form;
        SegmentMark mark = default;
        try
        {
            location = writer.Append(_descriptors.Id(index), page, length, policy, out encoded, out form);
            mark = isRedundant ? _segments.MarkOf(location.Segment) : default;
        }
        finally
        {
            // Before the entry is placed, nothing counts it. After that, nothing throws.
            if (location == default)
            {
                Cancel(ticket);
            }
            else
            {
                writer.GiveBack();
            }
        }

        var size = EntrySize.Stored(location.Units, encoded, length, form.Codec == Codec.Raw, isRedundant);
        _segments.Accounts.Stored(size);
        ulong details = (ulong)form.Codec | (isRedundant ? DescriptorTable.RedundantBit : 0);
        _descriptors.Publish(index, location, (ulong)(uint)length | ((ulong)(uint)encoded << 32), details);
        Accounts.NotePublished(_segments[location.Segment], size);
        if (isRedundant)
        {
            // Pairs with the exchange of whoever takes the mark: that thread sees the entry published, or this one sees the mark taken.
            Interlocked.MemoryBarrier();
            mark.Set();
        }

        return index;
    }

    /// <summary>Stores a page of zeroes, which takes a descriptor and no room in the pool.</summary>
    /// <returns>The descriptor, with one reference; 0 when all are in use.</returns>
    internal uint StoreZeroes(int length)
    {
        uint index = _descriptors.Take(isPublic: false);
        if (index != 0)
        {
            _segments.Accounts.StoredPattern();
            _descriptors.Publish(index, Location.AsPattern(length), 0, 0);
        }

        return index;
    }

    /// <summary>Notes that a stored page is in use, in a frame. True when it has been compressed again or dropped meanwhile, as if it were
    /// not.</summary>
    internal bool NoteUsed(uint index)
    {
        _descriptors.NoteLoaded(index);
        Location location = _descriptors.Locate(index);
        return location.IsRecompressed || location.Where == Location.Kind.Dropped;
    }

    /// <summary>Prefetches what <see cref="NoteUsed"/> reads. Any number will do.</summary>
    internal void PrefetchDescriptor(uint index) => _descriptors.Prefetch(index);

    /// <summary>Gives an unused ticket back.</summary>
    internal void Cancel(StoreTicket ticket)
    {
        ticket.Writer?.GiveBack();
        if (ticket.Index != 0)
        {
            bool released = _descriptors.TryRelease(_descriptors.Id(ticket.Index), out _);
            Debug.Assert(released);
            _descriptors.Recycle(ticket.Index);
        }
    }

    /// <summary>Drops one reference; the page goes with the last one. False when the id has none.</summary>
    internal bool TryFree(ulong id)
    {
        uint index = (uint)id;
        bool isReleased = _descriptors.TryRelease(id, out bool last);
        if (!isReleased || !last)
        {
            return isReleased;
        }

        // From here on a mover fails. The location that must be debited is the one where the page is now, not where it was at the first
        // look.
        Location location = _descriptors.TakeLocation(index);
        EntrySize size = _descriptors.SizeAt(index, location);
        _descriptors.Recycle(index);
        switch (location.Where)
        {
            case Location.Kind.Pattern:
                _segments.Accounts.FreedPatterns(1);
                break;

            case Location.Kind.Segment:
                _segments.Drop(location.Segment, size);
                break;
        }

        return true;
    }

    /// <summary>Drops the reference that a page table or a frame record holds.</summary>
    internal void Free(uint index)
    {
        bool freed = TryFree(_descriptors.Id(index));
        Debug.Assert(freed, "a page holds a reference to its stored copy");
    }

    internal void DecommitAll()
    {
        _segments.DecommitAll();
        _descriptors.DecommitAll();
        _recompressor.DecommitAll();
    }

    internal void Release()
    {
        CloseFiles();
        _sourceBuffers?.Dispose();
        _segments.Release();
        _descriptors.Release();
        _recompressor.Release();
    }

    /// <summary>The longest page, in bytes, of a log that is made for this length. A large pool serves all long pages from one
    /// log.</summary>
    internal int LogPageFor(int pageLength) => _budget.Bytes >= PoolForMaxPages
        ? MaxPageBytes
        : (int)Math.Min(MaxPageBytes, BitOperations.RoundUpToPowerOf2((uint)pageLength));

    /// <summary>The smallest budget for the logs that there are, whose segments keep the length that they were made with: a few segments of
    /// each, and for all logs together what they hold back and what one writer and the cleaner have open.</summary>
    internal long MinPoolBytes
    {
        get
        {
            long most = 0;
            long all = 0;
            foreach (SegmentLog? log in _segments.Logs)
            {
                long bytes = log!.Chunks.ChargedBytes;
                most = Math.Max(most, LogGeometry.MinSegmentsLeft * bytes);
                all += (log.Chunks.HeldBack + SegmentLog.OpenSegments) * bytes;
            }

            return Math.Max(most, all);
        }
    }

    private bool TryMakeLogUnsynchronized(LogGeometry geometry)
    {
        var log = new SegmentLog(_segments, _budget, _descriptors, _recompressor, geometry, _writers, _buffers);
        if (log.Chunks.TryReserveUnsynchronized() && _segments.TryPublishUnsynchronized(log) >= 0)
        {
            return true;
        }

        log.AbandonUnsynchronized();
        return false;
    }
}
