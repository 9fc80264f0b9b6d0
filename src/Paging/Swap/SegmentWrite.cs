using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>The request to write one segment.</summary>
internal sealed class SegmentWrite(Writeback writeback) : IoRequest
{
    private bool _isBusy;

    /// <summary>Set under the gate of <see cref="Writeback"/>, cleared on the engine's thread.</summary>
    internal bool IsBusy
    {
        get => Volatile.Read(ref _isBusy);
        set => Volatile.Write(ref _isBusy, value);
    }

    /// <summary>The segment, which the write has pinned.</summary>
    internal int Segment { get; set; }

    /// <summary>What the collector may not take while the write is under way; nobody reads it.</summary>
    internal object? KeepAlive { get; set; }

    protected override void OnCompleted() => writeback.Complete(this);

    protected override void OnReleased()
    {
        KeepAlive = null;
        writeback.Release(this);
    }
}
