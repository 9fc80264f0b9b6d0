using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A read of one page from what backs its array, begun before the page is brought in. Used again and again by one thread: see
/// <see cref="BackingReads"/>.</summary>
/// <remarks>From its beginning to its end it has a buffer.</remarks>
internal sealed unsafe class BackingRead : IoRequest
{
    private readonly EventCount _ends = new();
    private long _seen;
    private BounceBuffers? _buffers;

    /// <summary>Of which it is; null when it is not in use.</summary>
    internal PageBacking? Backing { get; private set; }

    internal long Page { get; private set; }

    /// <summary>Begins to read.</summary>
    /// <param name="backing">What the page is read from.</param>
    /// <param name="page">The page's number in its array.</param>
    /// <param name="file">The file that it is in.</param>
    /// <param name="range">Its blocks there.</param>
    /// <param name="wanted">Bytes of these, from the first one on, that there must be.</param>
    /// <param name="buffers">Where the buffer comes from.</param>
    /// <param name="buffer">Where to.</param>
    internal void Start(
        PageBacking backing, long page, SourceFile file, in BlockRange range, int wanted, BounceBuffers buffers, byte* buffer)
    {
        Backing = backing;
        Page = page;
        _buffers = buffers;
        _seen = _ends.Count;
        Operation = IoOperation.Read;
        Offset = range.Offset;
        Length = range.Length;
        Buffer = buffer;
        Begin();
        file.Submit(this, wanted);
    }

    /// <summary>Waits for the device.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Await()
    {
        _ends.WaitBeyond(_seen);
        return Error;
    }

    /// <summary>Ends it, whether it was used or not.</summary>
    internal void End()
    {
        Await();
        _buffers!.ReturnAhead(Buffer);
        _buffers = null;
        Backing = null;
    }

    protected override void OnReleased() => _ends.Signal();
}
