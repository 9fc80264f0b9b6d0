using Paging.Diagnostics;
using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>The swap files behind the pool: room made by writing, swapon, swapoff.</summary>
internal sealed unsafe partial class SwapStore
{
    /// <summary>A file must have room for so many segments.</summary>
    private const int FewestSlots = 2;

    private readonly Gate _engineGate = new();
    private IoEngine? _engine;

    internal SwapFileTable Files => _segments.Files;

    internal Writeback Writeback => _writeback;

    internal FileCleaner FileCleaner => _fileCleaner;

    /// <summary>Bytes of the entries in the segment table that stand for segments in files: those in memory are charged to the pool.</summary>
    private long FileMetadataBytes
    {
        get
        {
            long used = 0;
            foreach (SwapArea? area in Files.Areas)
            {
                used += area?.MetadataBytes ?? 0;
            }

            return used;
        }
    }

    /// <summary>The smallest file that is of use: room for two segments of the first log.</summary>
    internal long LeastFileBytes(int blockBytes) =>
        FewestSlots * (long)SwapArea.SlotBlocks(_segments.Logs[0]!.SegmentBytes, blockBytes) * SwapDevice.BufferAlignment;

    internal int LongestSegmentBytes
    {
        get
        {
            int longest = 0;
            foreach (SegmentLog? log in _segments.Logs)
            {
                longest = Math.Max(longest, log!.SegmentBytes);
            }

            return longest;
        }
    }

    /// <summary>The engine that carries out what files of this pager write; made with the first of them.</summary>
    internal IoEngine Engine(IoEngineKind kind)
    {
        _engineGate.Enter();
        try
        {
            return _engine ??= IoEngine.Create(kind);
        }
        finally
        {
            _engineGate.Exit();
        }
    }

    /// <summary>Whether an ordinary page may come in, should it not shrink: into the pool as far as cleaning it stays cheap, beyond that as
    /// far as segments can be written out for it.</summary>
    private bool Admits(SegmentLog log, int length) =>
        _budget.Admits(length)
        || (Files.IsAny && (Files.MayHaveRoom(log.SegmentBytes) || _writeback.InFlight != 0 || _fileCleaner.HasDead || _fileCleaner.CanCompact(log)));

    /// <summary>Frees memory of a log by writing a segment to a file, or space for that in a file first. Waits for devices.</summary>
    private bool TryWriteOut(SegmentLog log, StoreLevel level) =>
        Files.IsAny && (_writeback.TryMakeRoom(log, level) || _fileCleaner.TryCleanOne(log));

    /// <summary>Whether making room may wait for a device.</summary>
    internal bool MayWait => Files.IsAny;

    /// <summary>Sees to it that ordinary stores find room without waiting, as far as writing out gives any. Waits for devices.</summary>
    internal void MakeRoomAtHand()
    {
        if (!Files.IsAny)
        {
            return;
        }

        foreach (SegmentLog? log in _segments.Logs)
        {
            if (!log!.Chunks.HasFree(StoreLevel.Normal))
            {
                TryWriteOut(log, StoreLevel.Normal);
            }
        }
    }

    /// <summary>Makes room in memory for what is moved off a file.</summary>
    internal bool TryMakeRoomFor(SegmentLog log) =>
        TryWriteOut(log, StoreLevel.Normal) || TryMakeRoom(log, StoreLevel.Normal);

    /// <summary>Waits for what is being written, and closes all files. Doing it again does nothing.</summary>
    internal void CloseFiles()
    {
        foreach (SwapArea? area in Files.Areas)
        {
            if (area is not null)
            {
                area.Dispose();
                Files.Remove(area);
            }
        }

        _engine?.Dispose();
        _engine = null;
    }

    /// <summary>Swapoff: moves everything off a file that takes no more segments.</summary>
    /// <returns>False when the pool and the other files have no room, or the pager is being disposed; what was moved stays moved.</returns>
    internal bool TryDrain(SwapArea area, CancellationToken cancellation)
    {
        while (!area.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Rundown.IsClosed)
            {
                return false;
            }

            long seen = _writeback.Completions.Count;
            bool any = false;
            bool anyDamaged = false;
            int end = _segments.End;
            for (int i = 0; i < end; i++)
            {
                Segment* segment = _segments[i];
                if (segment->File != area.Number || SegmentWord.State(SegmentWord.Load(&segment->Word)) != SegmentState.OnFile)
                {
                    continue;
                }

                cancellation.ThrowIfCancellationRequested();
                if (Rundown.IsClosed)
                {
                    return false;
                }

                switch (segment->Damaged == 0 ? _fileCleaner.TryEmpty(i, StoreLevel.Normal) : FileEmptied.Unreadable)
                {
                    case FileEmptied.Empty:
                        any = true;
                        break;

                    case FileEmptied.NoRoom:
                        return false;

                    case FileEmptied.Unreadable:
                        anyDamaged = true;
                        break;
                }
            }

            if (anyDamaged && !_fileCleaner.TrySalvage(area, cancellation))
            {
                return false;
            }

            // What is left is being written to the file, being read, or about to be published or freed by another thread.
            if (!any && !area.IsEmpty)
            {
                if (_writeback.InFlight != 0)
                {
                    _writeback.Completions.WaitBeyond(seen);
                }
                else
                {
                    Spinner.Yield();
                }
            }
        }

        return true;
    }
}
