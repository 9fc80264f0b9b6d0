using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Residency;
using Paging.TestSeam;

namespace Paging;

/// <summary>Ranges over any number of pages. Each page is pinned on its own, so that a range may be larger than the budget.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>Copies elements out. Untouched pages are read as zeroes and stay untouched.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="destination">Receives as many as it is long. It may be the span of a write lease on this array: then elements are moved as
    /// <see cref="Span{T}.CopyTo"/> moves them within an array, as if all were read before any is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the destination is filled in part.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged; the destination is filled in part.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyTo(long start, Span<T> destination)
    {
        _pages.CheckRange(start, destination.Length);

        // The destination may lie in the frame of a page that is to be read: that page first, before the others are copied over it.
        long first = FindPageOf(start, destination);
        if (first >= 0)
        {
            CopyPageTo(first, start, destination);
        }

        for (int done = 0; done < destination.Length;)
        {
            (long page, int offset) = Locate(start + done);
            if (page != first)
            {
                CopyPageTo(page, start, destination);
            }

            done += Math.Min(PageLength - offset, destination.Length - done);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Copies elements in. Pages that are overwritten as a whole are not loaded first.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="source">The elements. They may be the span of a lease on this array: then they are moved as <see cref="Span{T}.CopyTo"/>
    /// moves them within an array, as if all were read before any is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; some of the pages have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be written in part is damaged; others may have been written.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void CopyFrom(long start, ReadOnlySpan<T> source)
    {
        _pages.CheckRange(start, source.Length);

        // The source may lie in the frame of a page that is to be written: that page last, when the others have been read from it.
        long last = FindPageOf(start, source);
        for (int done = 0; done < source.Length;)
        {
            (long page, int offset) = Locate(start + done);
            if (page != last)
            {
                CopyPageFrom(page, start, source);
            }

            done += Math.Min(PageLength - offset, source.Length - done);
        }

        if (last >= 0)
        {
            CopyPageFrom(last, start, source);
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
            if (IsWholePage(start, offset, count))
            {
                long next = _pages.Region.Discard(page, start + length == Length ? PageCount : Locate(start + length).Page);
                if (next != page)
                {
                    long dropped = Math.Min((next - page) * PageLength, length);
                    start += dropped;
                    length -= dropped;
                    continue;
                }
            }

            if (!_pages.Region.IsUntouched(page))
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

    /// <summary>Copies out what of a range lies in one page.</summary>
    private void CopyPageTo(long page, long start, Span<T> destination)
    {
        (int offset, int skip, int count) = PartIn(page, start, destination.Length);
        Span<T> part = destination.Slice(skip, count);
        if (_pages.Region.IsUntouched(page))
        {
            part.Clear();
        }
        else
        {
            byte* data = _pages.Pin(page, write: false, out ulong* word);
            try
            {
                TestHook.MayFail(FailurePoint.Copy);
                new ReadOnlySpan<T>((T*)data + offset, count).CopyTo(part);
            }
            finally
            {
                PageWord.Unpin(word);
            }
        }
    }

    /// <summary>Copies in what of a range lies in one page.</summary>
    private void CopyPageFrom(long page, long start, ReadOnlySpan<T> source)
    {
        (int offset, int skip, int count) = PartIn(page, start, source.Length);
        ReadOnlySpan<T> part = source.Slice(skip, count);
        if (IsWholePage(start + skip, offset, count))
        {
            fixed (T* data = part)
            {
                _pages.Region.Overwrite(page, new PageContents((nint)data, count * sizeof(T)));
            }
        }
        else
        {
            byte* data = _pages.Pin(page, write: true, out ulong* word);
            try
            {
                TestHook.MayFail(FailurePoint.Copy);
                part.CopyTo(new Span<T>((T*)data + offset, count));
            }
            finally
            {
                PageWord.Unpin(word);
            }
        }
    }

    /// <summary>Where the elements of a range that lie in one of its pages begin in the page, where in the range, and how many they are.</summary>
    private (int Offset, int Skip, int Count) PartIn(long page, long start, int length)
    {
        long begin = page * PageLength;
        int skip = (int)Math.Max(0, begin - start);
        int offset = (int)(start + skip - begin);
        return (offset, skip, Math.Min(PageLength - offset, length - skip));
    }

    /// <summary>The page, among those of a range, whose own frame the memory lies in; −1 when there is none. A span of a lease lies in one
    /// frame, and the lease keeps the page there.</summary>
    private long FindPageOf(long start, ReadOnlySpan<T> memory)
    {
        if (memory.IsEmpty)
        {
            return -1;
        }

        // Not pinned for the collector: what it moves lies in no frame, wherever it goes.
        byte* address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory));
        return _pages.Region.Frames.Contains(address)
            ? _pages.Region.FindPageOf(address, Locate(start).Page, Locate(start + memory.Length - 1).Page)
            : -1;
    }

    private bool IsWholePage(long start, int offset, int count) =>
        offset == 0 && (count == PageLength || start + count == Length);
}
