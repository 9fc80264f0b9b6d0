using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>A read of one entry in a file, begun before the page is loaded. Used again and again by one thread: see
/// <see cref="EntryReads"/>.</summary>
/// <remarks>From its beginning to its end it has a pin on the segment, which keeps the slot with it, and a buffer.</remarks>
internal sealed unsafe class EntryRead : IoRequest
{
    private readonly EventCount _ends = new();
    private long _seen;
    private BounceBuffers? _buffers;

    internal ulong Id { get; private set; }

    internal Location Location { get; private set; }

    internal BlockRange Range { get; private set; }

    /// <summary>Where it is read from; null when it is not in use.</summary>
    internal SwapArea? Area { get; private set; }

    /// <summary>Begins to read. The caller has pinned the segment, and seen the descriptor point there afterwards (rule 5); from here on
    /// the pin belongs to the read.</summary>
    internal void Start(ulong id, Location location, SwapArea area, in BlockRange range, ulong stamp, BounceBuffers buffers, byte* buffer)
    {
        Id = id;
        Location = location;
        Range = range;
        Area = area;
        _buffers = buffers;
        _seen = _ends.Count;
        Operation = IoOperation.Read;
        Offset = range.Offset;
        Length = range.Length;
        Stamp = stamp;
        Buffer = buffer;
        Begin();
        area.Device.Submit(this);
    }

    /// <summary>Waits for the device.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Await()
    {
        _ends.WaitBeyond(_seen);
        return Error;
    }

    /// <summary>Ends it, whether it was used or not. The caller gives the pin back.</summary>
    internal void End()
    {
        Await();
        _buffers!.ReturnAhead(Buffer);
        _buffers = null;
        Area = null;
    }

    protected override void OnReleased() => _ends.Signal();
}
