using System.Buffers;
using Paging.Residency;

namespace Paging;

/// <summary>A pinned page as memory that may cross an await, be given to another thread, or be handed to whoever takes a
/// <see cref="Memory{T}"/>. It keeps its pager alive.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>It counts as a lease: while it is out, disposing the array or the pager is refused, and <see cref="PagerStatistics.Pins"/>
/// counts it. Dispose it, on any thread; doing so twice is harmless, and memory and spans of it must not be used afterwards. A
/// <see cref="MemoryHandle"/> of it keeps the page pinned until the handle is disposed, even if the owner is disposed before. All members
/// may be used by any thread.
/// <para>One that is dropped without being disposed keeps its page pinned, as a lease that is dropped does: a span of it may be in use
/// still, and would come to lie over another page. Only one of which nobody has ever taken a span or a handle, such as the result of a task
/// that nobody awaited, gives its page back when it is collected.</para></remarks>
#pragma warning disable CA1816, CA2015 // The finalizer gives nothing back that a span may lie over, and stays while handles are out.
public sealed unsafe class PageOwner<T> : MemoryManager<T>, IDisposable
    where T : unmanaged
{
    private readonly bool _isWritable;
    private readonly int _offset;
    private readonly int _length;
    private byte* _page;
    private PagePin _pin;

    /// <summary>Whether a span or a handle was given out, which the collector does not know of.</summary>
    private bool _isExposed;

    /// <param name="offset">Where its elements begin in the page, in elements.</param>
    /// <param name="length">How many they are.</param>
    /// <param name="isWritable">Whether the page becomes dirty.</param>
    internal PageOwner(int offset, int length, bool isWritable)
    {
        _offset = offset;
        _length = length;
        _isWritable = isWritable;
    }

    /// <summary>Gives the page of an owner back that was dropped and never used.</summary>
    ~PageOwner() => _pin.Drop(keepsPage: _isExposed);

    /// <summary>From the element that was asked for to the page's (or the array's) end.</summary>
    /// <exception cref="ObjectDisposedException">The owner is disposed.</exception>
    public override Memory<T> Memory
    {
        get
        {
            ThrowIfDisposed();
            return CreateMemory(_length);
        }
    }

    /// <summary>The elements, valid until the owner is disposed. Writing to them without having pinned for writing is an error: such writes
    /// may be lost.</summary>
    /// <returns>From the element that was asked for to the page's (or the array's) end.</returns>
    /// <exception cref="ObjectDisposedException">The owner is disposed.</exception>
    public override Span<T> GetSpan()
    {
        ThrowIfDisposed();
        _isExposed = true;
        return new Span<T>((T*)_page + _offset, _length);
    }

    /// <summary>The address of an element. It stays pinned until the handle is disposed, whatever becomes of the owner.</summary>
    /// <param name="elementIndex">0 to the number of elements.</param>
    /// <returns>Dispose it once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The index is outside the memory.</exception>
    /// <exception cref="ObjectDisposedException">The owner is disposed.</exception>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        if ((uint)elementIndex > (uint)_length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(elementIndex), elementIndex, $"The index must be at least 0 and at most the number of elements, {_length:N0}.");
        }

        ObjectDisposedException.ThrowIf(!_pin.TryBeginUse(), this);
        _isExposed = true;
        return new MemoryHandle((T*)_page + _offset + elementIndex, pinnable: this);
    }

    /// <summary>Ends a <see cref="Pin"/>, which disposing its handle does.</summary>
    /// <exception cref="InvalidOperationException">No handle is out.</exception>
    public override void Unpin()
    {
        if (!_pin.TryEndUse(out bool released))
        {
            throw new InvalidOperationException("No handle on this memory is out: each is disposed once.");
        }

        if (released)
        {
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Gives the page back, or leaves that to the last handle that is out. Doing it again does nothing.</summary>
    public void Dispose() => Dispose(disposing: true);

    /// <summary>Pins the page.</summary>
    /// <returns>False when a device would have to be waited for, and the manner says not to.</returns>
    internal bool TryPin(PagedRegion region, long page, FaultManner manner)
    {
        bool isPinned = false;
        try
        {
            _page = _pin.Take(region, page, _isWritable, manner);
            isPinned = _page != null;
            return isPinned;
        }
        finally
        {
            if (!isPinned)
            {
                GC.SuppressFinalize(this);
            }
        }
    }

    /// <summary>Pins the page for reading, as one of several.</summary>
    /// <returns>False when no frame is to be had without waiting: then the access lets go of all that it has.</returns>
    internal bool TryPin(PagedRegion region, long page, bool isFirst, ref JointAccess access)
    {
        bool isPinned = false;
        try
        {
            _page = _pin.Take(region, page, isFirst, ref access);
            isPinned = _page != null;
            return isPinned;
        }
        finally
        {
            if (!isPinned)
            {
                GC.SuppressFinalize(this);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // The finalizer stays for a handle that is out and dropped.
        if (_pin.TryLetGo())
        {
            GC.SuppressFinalize(this);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_pin.IsLetGo, this);
}
#pragma warning restore CA1816, CA2015
