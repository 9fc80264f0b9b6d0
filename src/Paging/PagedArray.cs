using System.Numerics;
using System.Runtime.CompilerServices;
using Paging.Residency;

namespace Paging;

/// <summary>A long array of <typeparamref name="T"/> whose pages live in frames or in the pool.</summary>
/// <typeparam name="T">The element; elements never straddle pages.</typeparam>
/// <remarks>Thread-safe against paging: a reader or writer never sees a page half moved. As with a plain array, the caller must order
/// concurrent accesses to the same element. Any access may throw <see cref="OutOfPagingSpaceException"/> when it needs a frame and every
/// frame is pinned or its page cannot be stored, <see cref="PageCorruptedException"/> when the stored page is damaged, and
/// <see cref="InsufficientMemoryException"/> when a page is touched for the first time and the system refuses memory for its part of the
/// page table. None of them changes anything. An array that is dropped without <see cref="Dispose"/> gives everything back when it is
/// collected.</remarks>
public sealed unsafe partial class PagedArray<T> : IDisposable, IRegionFace
    where T : unmanaged
{
    // The fields of the getter, side by side. The getter is a dozen instructions, and each detour through a field of a field adds one.
    private readonly ulong* _words;
    private readonly byte* _frames;
    private readonly Divider _divider;
    private PageAccessor _pages;

    internal PagedArray(PagedRegion region, Geometry geometry)
    {
        Length = geometry.Items;
        PageLength = geometry.ItemsPerPage;
        PageCount = geometry.PageCount;
        _divider = geometry.Divider;
        _words = region.Words;
        _frames = region.Frames.Base;
        _pages = new PageAccessor(region, geometry.Items, BitOperations.Log2((uint)PageLength));
        region.Pages.State.SetFace(this);
    }

    /// <summary>The number of elements.</summary>
    public long Length { get; }

    /// <summary>The number of elements in a page.</summary>
    public int PageLength { get; }

    /// <summary>The number of pages.</summary>
    public long PageCount { get; }

    /// <summary>The size of a page in bytes.</summary>
    public int PageBytes => _pages.Region.Frames.PageBytes;

    /// <summary>The name given by <see cref="PagedArrayOptions.Name"/>; null if none was given.</summary>
    public string? Name => _pages.Region.Name;

    /// <summary>What compression spends its time on. A change applies to pages that are stored from then on; stored pages stay as they are
    /// until they are stored again.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a goal.</exception>
    public CompressionGoal Compression
    {
        get => _pages.Region.Policy.Goal;
        set
        {
            OptionChecks.CheckGoal(value, nameof(value));
            _pages.Region.Policy.Goal = value;
        }
    }

    /// <summary>An element, by value: a reference would dangle once the page is evicted.</summary>
    /// <param name="index">0 or more, less than <see cref="Length"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The index is outside the array.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ulong bound = _pages.Bound;
            if (PageAccessor.IsWithin(index, bound))
            {
                // A shift and a mask, where the size of an element divides that of the page.
                (long page, long offset) = BitOperations.IsPow2(sizeof(T)) ? PageAccessor.Split(index, bound) : Locate(index);
                if (PageAccessor.TryRead(_words, _frames, page, offset * sizeof(T), out T value))
                {
                    GC.KeepAlive(this);
                    return value;
                }
            }

            return GetSlow(index);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set
        {
            _pages.CheckIndex(index);
            (long page, int offset) = Locate(index);
            byte* data = _pages.Pin(page, write: true, out ulong* word);
            Unsafe.WriteUnaligned(data + ((long)offset * sizeof(T)), value);
            PageWord.Unpin(word);
            GC.KeepAlive(this);
        }
    }

    /// <summary>Pins the page of <paramref name="start"/> and spans from there to the page's (or the array's) end.</summary>
    /// <param name="start">The first element.</param>
    /// <exception cref="ArgumentOutOfRangeException">The start is outside the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadLease<T> Read(long start)
    {
        _pages.CheckIndex(start);
        (long page, int offset) = Locate(start);
        byte* data = _pages.PinForLease(page, write: false, out ulong* word);
        return new ReadLease<T>((T*)data + offset, LengthFrom(start, offset), word, _pages.Region);
    }

    /// <summary>Pins exactly the range.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">Elements; 0 gives an empty lease that pins nothing.</param>
    /// <exception cref="ArgumentException">The range crosses a page: use CopyTo or ReadSequence.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public ReadLease<T> Read(long start, int length)
    {
        (long page, int offset) = CheckWithinPage(start, length);
        if (length == 0)
        {
            return default;
        }

        byte* data = _pages.PinForLease(page, write: false, out ulong* word);
        return new ReadLease<T>((T*)data + offset, length, word, _pages.Region);
    }

    /// <summary>Pins the page of <paramref name="start"/> for writing and spans from there to the page's (or the array's) end.</summary>
    /// <param name="start">The first element.</param>
    /// <exception cref="ArgumentOutOfRangeException">The start is outside the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WriteLease<T> Write(long start)
    {
        _pages.CheckIndex(start);
        (long page, int offset) = Locate(start);
        byte* data = _pages.PinForLease(page, write: true, out ulong* word);
        return new WriteLease<T>((T*)data + offset, LengthFrom(start, offset), word, _pages.Region);
    }

    /// <summary>Pins exactly the range for writing.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">Elements; 0 gives an empty lease that pins nothing.</param>
    /// <exception cref="ArgumentException">The range crosses a page: use CopyFrom, or CopyTo and ReadSequence to read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public WriteLease<T> Write(long start, int length)
    {
        (long page, int offset) = CheckWithinPage(start, length);
        if (length == 0)
        {
            return default;
        }

        byte* data = _pages.PinForLease(page, write: true, out ulong* word);
        return new WriteLease<T>((T*)data + offset, length, word, _pages.Region);
    }

    /// <summary>Gives everything back. Doing it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">Leases are out; says how many. Nothing has changed.</exception>
    public void Dispose() => _pages.Region.Close("Array");

    void IRegionFace.SetOpen(bool open) => _pages.SetOpen(open);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T GetSlow(long index)
    {
        _pages.CheckIndex(index);
        (long page, int offset) = Locate(index);
        T value = _pages.Read<T>(page, (long)offset * sizeof(T));
        GC.KeepAlive(this);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (long Page, int Offset) Locate(long index) =>
        BitOperations.IsPow2(sizeof(T)) ? _divider.DivideByShift(index) : _divider.Divide(index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int LengthFrom(long start, int offset) => (int)Math.Min(PageLength - offset, Length - start);

    private (long Page, int Offset) CheckWithinPage(long start, int length)
    {
        _pages.CheckRange(start, length);
        (long page, int offset) = Locate(start);
        if (length > PageLength - offset)
        {
            ThrowHelper.ThrowCrossesPage(start, length, PageLength);
        }

        return (page, offset);
    }
}
