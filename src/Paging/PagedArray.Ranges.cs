namespace Paging;

/// <summary>Ranges over any number of pages. Each page is pinned on its own, so a range may be larger than the budget.</summary>
public sealed partial class PagedArray<T>
{
    /// <summary>Copies elements out. Untouched pages are read as zeroes and stay untouched; those of a mapped file are read from
    /// there.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="destination">Receives as many elements as it is long. It may be the span of a write lease on this array. Then elements
    /// are moved as <see cref="Span{T}.CopyTo"/> moves them within an array, as if all were read before any is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the destination is filled in part.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged; the destination is filled in part.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyTo(long start, Span<T> destination)
    {
        _pages.CheckRange(start, destination.Length);
        WalkFrom(start).CopyTo(destination);
        GC.KeepAlive(this);
    }

    /// <summary>Copies elements in. Pages that are overwritten as a whole are not loaded first.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="source">The elements. They may be the span of a lease on this array. Then they are moved as
    /// <see cref="Span{T}.CopyTo"/> moves them within an array, as if all were read before any is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; some of the pages have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be written in part is damaged; others may have been
    /// written.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyFrom(long start, ReadOnlySpan<T> source)
    {
        _pages.CheckRange(start, source.Length);
        WalkFrom(start).CopyFrom(source);
        GC.KeepAlive(this);
    }

    /// <summary>Sets every element of a range. Pages that are filled as a whole are not loaded first.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">The number of elements.</param>
    /// <param name="value">Their new value.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had for a page; the pages before it have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be filled in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Fill(long start, long length, T value)
    {
        _pages.CheckRange(start, length);
        WalkFrom(start).Fill(length, value);
        GC.KeepAlive(this);
    }

    /// <summary>Zeroes the range by dropping its pages; a page that is pinned is zeroed in place. Dropped pages are neither loaded first
    /// nor stored afterwards, so this makes room. In an array that is mapped from a file, each of them takes 32 bytes to say so.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">The number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">The range begins or ends within a stored page, and no frame can be had for
    /// that.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be zeroed in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Discard(long start, long length)
    {
        _pages.CheckRange(start, length);
        WalkFrom(start).Discard(length);
        GC.KeepAlive(this);
    }

    private PageWalker<T> WalkFrom(long start)
    {
        (long page, int offset) = Locate(start);
        return new PageWalker<T>(ref _pages, page, offset, PageLength);
    }
}
