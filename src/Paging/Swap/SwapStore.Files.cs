using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The swap files behind the pool: what there is of them, and their end.</summary>
internal sealed unsafe partial class SwapStore
{
    /// <summary>A file must have room for so many segments.</summary>
    private const int FewestSlots = 2;

    private readonly Gate _engineGate = new();
    private IoEngine? _engine;

    internal SwapFileTable Files => _segments.Files;

    internal Writeback Writeback => _writeback;

    internal FileCleaner FileCleaner => _fileCleaner;

    internal Swapoff Swapoff { get; }

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
    internal long MinFileBytes(int blockBytes) =>
        FewestSlots * (long)SwapArea.SlotBlocks(_segments.Logs[0]!.SegmentBytes, blockBytes) * SwapDevice.BufferAlignment;

    internal int MaxSegmentBytes
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
        using Gate.Scope held = _engineGate.Enter();
        return _engine ??= IoEngine.Create(kind);
    }

    /// <summary>Whether making room may wait for a device.</summary>
    internal bool MayWait => Files.IsAny;

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
}
