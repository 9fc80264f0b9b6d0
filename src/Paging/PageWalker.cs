using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Residency;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging;

/// <summary>Goes through the pages of a range, from its first element on, for arrays and matrices alike. Each page is pinned on its own, so
/// a range may be larger than the budget.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <remarks>The rows of a matrix lie one behind the other in a page. So a range of rows is a range of elements, too, in pages whose length
/// is the number of elements in their rows. The padding behind them is never touched. The caller has checked the range, and keeps the array
/// or matrix alive.</remarks>
internal readonly unsafe ref struct PageWalker<T>
    where T : unmanaged
{
    private readonly ref readonly PageAccessor _pages;
    private readonly long _page;
    private readonly int _offset;
    private readonly int _pageLength;

    /// <param name="pages">The pages of the array or matrix.</param>
    /// <param name="page">The page of the first element.</param>
    /// <param name="offset">The number of elements before it in that page.</param>
    /// <param name="pageLength">The number of elements in a page.</param>
    internal PageWalker(ref readonly PageAccessor pages, long page, int offset, int pageLength)
    {
        _pages = ref pages;
        _page = page;
        _offset = offset;
        _pageLength = pageLength;
    }

    /// <summary>Copies elements out, as if all were read before any is written. Untouched pages are read as zeroes and stay
    /// untouched.</summary>
    internal void CopyTo(Span<T> destination)
    {
        if (destination.Length > _pageLength - _offset)
        {
            CopyPagesTo(destination);
        }
        else if (!destination.IsEmpty)
        {
            CopyPageTo(_page, _offset, destination);
        }
    }

    /// <summary>As <see cref="CopyTo"/>, from more than one page.</summary>
    private void CopyPagesTo(Span<T> destination)
    {
        // The destination may lie in the frame of a page of the range. Then that page is copied first, before the others are copied over
        // it.
        long first = FindPageOf(destination);
        if (first >= 0)
        {
            (int within, int skip, int count) = PartIn(first, destination.Length);
            CopyPageTo(first, within, destination.Slice(skip, count));
        }

        long page = _page;
        int offset = _offset;
        bool mayRead = _pages.Region.MayBeInFiles;
        while (!destination.IsEmpty)
        {
            int count = Math.Min(_pageLength - offset, destination.Length);
            if (mayRead && count < destination.Length && !_pages.IsResident(page))
            {
                CopyRestTo(page, offset, destination, first);
                return;
            }

            if (page != first)
            {
                CopyPageTo(page, offset, destination[..count]);
            }

            destination = destination[count..];
            page++;
            offset = 0;
        }
    }

    /// <summary>Copies the rest of a range, of which pages are missing, with the reads of the next ones under way.</summary>
    private void CopyRestTo(long page, int offset, Span<T> destination, long copied)
    {
        RangeReads reads = _pages.Region.ReadsOf(page, page + ((offset + (long)destination.Length - 1) / _pageLength) + 1);
        try
        {
            while (!destination.IsEmpty)
            {
                int count = Math.Min(_pageLength - offset, destination.Length);
                if (page != copied)
                {
                    reads.Advance(page);
                    CopyPageTo(page, offset, destination[..count]);
                }

                destination = destination[count..];
                page++;
                offset = 0;
            }
        }
        finally
        {
            reads.Dispose();
        }
    }

    /// <summary>Copies elements in, as if all were read before any is written. Pages that are overwritten as a whole are not loaded
    /// first.</summary>
    internal void CopyFrom(ReadOnlySpan<T> source)
    {
        // The source may lie in the frame of a page of the range. Then that page is written last, when the others have been copied from it.
        long last = FindPageOf(source);
        ReadOnlySpan<T> all = source;
        long page = _page;
        int offset = _offset;
        while (!source.IsEmpty)
        {
            int count = Math.Min(_pageLength - offset, source.Length);
            if (page != last)
            {
                CopyPageFrom(page, offset, source[..count]);
            }

            source = source[count..];
            page++;
            offset = 0;
        }

        if (last >= 0)
        {
            (int within, int skip, int count) = PartIn(last, all.Length);
            CopyPageFrom(last, within, all.Slice(skip, count));
        }
    }

    /// <summary>Sets all elements to a value. Pages that are filled as a whole are not loaded first.</summary>
    internal void Fill(long length, T value)
    {
        long page = _page;
        int offset = _offset;
        while (length > 0)
        {
            int count = (int)Math.Min(_pageLength - offset, length);
            if (IsWhole(page, offset, count))
            {
                _pages.Region.Overwrite(page, PageContents.Repeat((byte*)&value, sizeof(T), count));
            }
            else
            {
                byte* data = _pages.Pin(page, write: true, out ulong* word);
                new Span<T>((T*)data + offset, count).Fill(value);
                PageWord.Unpin(word);
            }

            length -= count;
            page++;
            offset = 0;
        }
    }

    /// <summary>Zeroes elements by dropping their pages. Elements that share their page with others, or whose page is pinned, are zeroed in
    /// place.</summary>
    internal void Discard(long length)
    {
        long page = _page;
        int offset = _offset;
        while (length > 0)
        {
            int count = (int)Math.Min(_pageLength - offset, length);
            if (IsWhole(page, offset, count))
            {
                long next = _pages.Region.Discard(page, EndOfWhole(page, length));
                if (next != page)
                {
                    // The last page may be short.
                    length -= Math.Min((next - page) * _pageLength, length);
                    page = next;
                    continue;
                }
            }

            if (!_pages.Region.IsZeroes(page))
            {
                byte* data = _pages.Pin(page, write: true, out ulong* word);
                new Span<T>((T*)data + offset, count).Clear();
                PageWord.Unpin(word);
            }

            length -= count;
            page++;
            offset = 0;
        }
    }

    private void CopyPageTo(long page, int offset, Span<T> destination)
    {
        if (_pages.Region.IsZeroes(page))
        {
            destination.Clear();
        }
        else
        {
            byte* data = _pages.Pin(page, write: false, out ulong* word);
            try
            {
                TestHook.MayFail(FailurePoint.Copy);
                new ReadOnlySpan<T>((T*)data + offset, destination.Length).CopyTo(destination);
            }
            finally
            {
                PageWord.Unpin(word);
            }
        }
    }

    private void CopyPageFrom(long page, int offset, ReadOnlySpan<T> source)
    {
        if (IsWhole(page, offset, source.Length))
        {
            fixed (T* data = source)
            {
                _pages.Region.Overwrite(page, new PageContents((nint)data, source.Length * sizeof(T)));
            }
        }
        else
        {
            byte* data = _pages.Pin(page, write: true, out ulong* word);
            try
            {
                TestHook.MayFail(FailurePoint.Copy);
                source.CopyTo(new Span<T>((T*)data + offset, source.Length));
            }
            finally
            {
                PageWord.Unpin(word);
            }
        }
    }

    /// <summary>The part of the range that lies in one of its pages: its offset in the page, its offset in the range, and its length, all
    /// in elements.</summary>
    private (int Offset, int Skip, int Count) PartIn(long page, int length)
    {
        int offset = page == _page ? _offset : 0;
        int skip = page == _page ? 0 : (int)(((page - _page) * _pageLength) - _offset);
        return (offset, skip, Math.Min(_pageLength - offset, length - skip));
    }

    /// <summary>The page, among those of the range, in whose frame the memory lies; −1 when there is none. A span of a lease lies in one
    /// frame, and the lease keeps the page there.</summary>
    private long FindPageOf(ReadOnlySpan<T> memory)
    {
        if (memory.IsEmpty)
        {
            return -1;
        }

        // Not pinned against the collector: memory that the collector moves is never in a frame.
        byte* address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory));
        return _pages.Region.Frames.Contains(address)
            ? _pages.Region.FindPageOf(address, _page, _page + ((_offset + memory.Length - 1L) / _pageLength))
            : -1;
    }

    /// <summary>Whether a part covers all elements of a page. The last page may have fewer than the others.</summary>
    private bool IsWhole(long page, int offset, int count) =>
        offset == 0 && (count == _pageLength || count * sizeof(T) == _pages.Region.UsedBytes(page));

    /// <summary>One past the last page that is covered as a whole by so many elements from the beginning of a page on.</summary>
    private long EndOfWhole(long page, long length)
    {
        (long pages, long rest) = Math.DivRem(length, _pageLength);
        return page + pages + (rest != 0 && IsWhole(page + pages, 0, (int)rest) ? 1 : 0);
    }
}
