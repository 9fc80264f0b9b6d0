using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The swap files behind the pool: their sizes, their engine, and their end.</summary>
internal sealed unsafe partial class SwapStore
{
    /// <summary>A file must have room for at least so many segments.</summary>
    private const int MinSlots = 2;

    /// <summary>Bytes of neighbouring pages of a mapped file that are read at once, at most: what it takes for a disk to be as fast as it
    /// can.</summary>
    internal const int SourceReadBytes = 256 << 10;

    /// <summary>Buffers that follow one another for such a read: shorter ones take fewer.</summary>
    private const int SourceBuffersARead = 16;

    private readonly Gate _engineGate = new();
    private IoEngine? _engine;
    private BounceBuffers? _sourceBuffers;

    internal SwapFileTable Files => _segments.Files;

    internal Writeback Writeback => _writeback;

    internal FileCleaner FileCleaner => _fileCleaner;

    internal Swapoff Swapoff { get; }

    /// <summary>The smallest file that is of use: room for two segments of the first log.</summary>
    internal long MinFileBytes(int blockBytes) =>
        MinSlots * (long)SwapArea.SlotBlocks(_segments.Logs[0]!.SegmentBytes, blockBytes) * SwapDevice.BufferAlignment;

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

    /// <summary>The engine that carries out what is submitted on files of this pager. Made with the first file.</summary>
    internal IoEngine Engine
    {
        get
        {
            using Gate.Scope held = _engineGate.Enter();
            return _engine ??= IoEngine.Create(IoEngineKind.Auto);
        }
    }

    /// <summary>Buffers for neighbouring pages of mapped files, of which nobody waits for one. Made with the first such file.</summary>
    internal BounceBuffers SourceBuffers
    {
        get
        {
            using Gate.Scope held = _engineGate.Enter();
            int unit = BlockRange.MaxBytes((SourceReadBytes / SourceBuffersARead) - SwapDevice.BufferAlignment);
            int count = Math.Clamp(_buffers.SourceBytes / unit, 1, BounceBuffers.MaxBuffers);
            return _sourceBuffers ??= new BounceBuffers(count, unit, huge: true);
        }
    }

    /// <summary>Reads of mapped files that are under way.</summary>
    internal FileReads SourceReads
    {
        get
        {
            Loader.Reads.Prepare();
            return Loader.Reads;
        }
    }

    /// <summary>Whether making room may wait for a device.</summary>
    internal bool MayWait => Files.IsAny;

    /// <summary>Waits for the writes under way, and closes all files. Doing it again does nothing.</summary>
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
