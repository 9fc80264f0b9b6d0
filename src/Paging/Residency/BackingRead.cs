using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A read of a page, or of neighbours, from what backs their array, begun before they are brought in. Used again and again by one
/// thread: see <see cref="BackingReads"/>.</summary>
/// <remarks>From its beginning to its end it has a buffer.</remarks>
internal sealed unsafe class BackingRead : IoRequest
{
    private readonly EventCount _ends = new();
    private long _seen;
    private BounceBuffers? _buffers;
    private SharedSource? _kept;

    /// <summary>Of which it is; null when it is not in use.</summary>
    internal PageBacking? Backing { get; private set; }

    /// <summary>The number of its first page in the array.</summary>
    internal long First { get; private set; }

    /// <summary>How many pages it is of.</summary>
    internal int Count { get; private set; }

    /// <summary>How many of them have not been taken.</summary>
    internal int Left { get; set; }

    /// <summary>Bytes in the buffer before the first page.</summary>
    internal int Skip { get; private set; }

    /// <summary>Begins to read.</summary>
    /// <param name="backing">What the pages are read from.</param>
    /// <param name="first">The number of the first page in its array.</param>
    /// <param name="count">How many pages it is of.</param>
    /// <param name="file">The file that they are in.</param>
    /// <param name="range">Their blocks there.</param>
    /// <param name="wanted">Bytes of these, from the first one on, that there must be.</param>
    /// <param name="buffers">Where the buffer comes from.</param>
    /// <param name="buffer">Where to.</param>
    /// <param name="kept">Of which this is a user until it ends; null where the backing keeps the file open.</param>
    internal void Start(
        PageBacking backing,
        long first,
        int count,
        SourceFile file,
        in BlockRange range,
        int wanted,
        BounceBuffers buffers,
        byte* buffer,
        SharedSource? kept = null)
    {
        Backing = backing;
        _kept = kept;
        First = first;
        Count = count;
        Left = count;
        Skip = range.Skip;
        _buffers = buffers;
        _seen = _ends.Count;
        Operation = IoOperation.Read;
        Offset = range.Offset;
        Length = range.Length;
        Buffer = buffer;
        Begin();
        file.Submit(this, wanted);
    }

    /// <summary>The file that it keeps open.</summary>
    internal SharedSource? Kept => _kept;

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
        _kept?.RemoveUser();
        _kept = null;
    }

    protected override void OnReleased() => _ends.Signal();
}
