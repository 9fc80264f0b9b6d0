using Paging.Residency;

namespace Paging;

/// <summary>Ranges over any number of pages. Each page is pinned on its own, so that a range may be larger than the budget.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>Copies elements out. Untouched pages are read as zeroes and stay untouched.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="destination">Receives as many as it is long.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the destination is filled in part.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged; the destination is filled up to it.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyTo(long start, Span<T> destination)
    {
        _pages.CheckRange(start, destination.Length);
        while (!destination.IsEmpty)
        {
            (long page, int offset) = Locate(start);
            int count = Math.Min(PageLength - offset, destination.Length);
            if (_pages.Region.IsUntouched(page))
            {
                destination[..count].Clear();
            }
            else
            {
                byte* data = _pages.Pin(page, write: false, out ulong* word);
                new ReadOnlySpan<T>((T*)data + offset, count).CopyTo(destination);
                PageWord.Unpin(word);
            }

            destination = destination[count..];
            start += count;
        }

        GC.KeepAlive(this);
    }

    /// <summary>Copies elements in. Pages that are overwritten as a whole are not loaded first.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="source">The elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the pages before that one have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be written in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyFrom(long start, ReadOnlySpan<T> source)
    {
        _pages.CheckRange(start, source.Length);
        while (!source.IsEmpty)
        {
            (long page, int offset) = Locate(start);
            int count = Math.Min(PageLength - offset, source.Length);
            ReadOnlySpan<T> part = source[..count];
            if (IsWholePage(start, offset, count))
            {
                fixed (T* data = part)
                {
                    _pages.Region.Overwrite(page, new PageContents((nint)data, count * sizeof(T)));
                }
            }
            else
            {
                byte* data = _pages.Pin(page, write: true, out ulong* word);
                part.CopyTo(new Span<T>((T*)data + offset, count));
                PageWord.Unpin(word);
            }

            source = source[count..];
            start += count;
        }

        GC.KeepAlive(this);
    }

    /// <summary>Sets every element of a range. Pages that are filled as a whole are not loaded first.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">Elements.</param>
    /// <param name="value">What they become.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the pages before that one have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be filled in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Fill(long start, long length, T value)
    {
        _pages.CheckRange(start, length);
        while (length > 0)
        {
            (long page, int offset) = Locate(start);
            int count = (int)Math.Min(PageLength - offset, length);
            if (IsWholePage(start, offset, count))
            {
                _pages.Region.Overwrite(page, PageContents.Repeat((byte*)&value, sizeof(T), count));
            }
            else
            {
                byte* data = _pages.Pin(page, write: true, out ulong* word);
                new Span<T>((T*)data + offset, count).Fill(value);
                PageWord.Unpin(word);
            }

            start += count;
            length -= count;
        }

        GC.KeepAlive(this);
    }

    /// <summary>Zeroes the range by dropping its pages; a page that is pinned is zeroed in place. Pages that are dropped are not loaded
    /// first, nor stored afterwards: this is how to make room.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">Elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">The range begins or ends within a stored page, and no frame can be had for that.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be zeroed in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Discard(long start, long length)
    {
        _pages.CheckRange(start, length);
        while (length > 0)
        {
            (long page, int offset) = Locate(start);
            int count = (int)Math.Min(PageLength - offset, length);
            bool whole = IsWholePage(start, offset, count);
            if (!(whole && _pages.Region.TryDiscard(page)) && !_pages.Region.IsUntouched(page))
            {
                byte* data = _pages.Pin(page, write: true, out ulong* word);
                new Span<T>((T*)data + offset, count).Clear();
                PageWord.Unpin(word);
            }

            start += count;
            length -= count;
        }

        GC.KeepAlive(this);
    }

    private bool IsWholePage(long start, int offset, int count) =>
        offset == 0 && (count == PageLength || start + count == Length);
}
