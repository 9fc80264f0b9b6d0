using Paging.Residency;

namespace Paging;

/// <summary>Access without waiting: the thread goes on, and the pager's background threads bring pages in. Where it has none
/// (<see cref="PagerOptions.BackgroundThreads"/> is 0), threads of the .NET thread pool do.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>Pins the page of <paramref name="start"/> if it is in a frame. Never blocks and never decodes: if the page is not in a frame,
    /// that starts its fault in the background, and the next call may find it. For threads that have something better to do than to wait,
    /// such as one that draws pictures.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="lease">From <paramref name="start"/> to the page's (or the array's) end; empty when there is none.</param>
    /// <returns>False when the page is not in a frame, and while another thread decides whether the array can be disposed.</returns>
    /// <remarks>Allocates nothing. An untouched page is given a frame, as <see cref="Read(long)"/> does. 64 pages at most are asked for at once;
    /// beyond that, requests are dropped, so keep asking. A page that cannot be read (<see cref="PageCorruptedException"/>), or for which
    /// there is no room, is never there: <see cref="Read(long)"/> says why.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The start is outside the array.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public bool TryRead(long start, out ReadLease<T> lease)
    {
        if (_pages.TryCheckIndex(start))
        {
            (long page, int offset) = Locate(start);
            byte* data = _pages.TryPinForLease(page, out ulong* word);
            if (data != null)
            {
                lease = new ReadLease<T>((T*)data + offset, LengthFrom(start, offset), word, _pages.Region);
                return true;
            }
        }

        lease = default;
        return false;
    }

    /// <summary>Brings the pages of a range into frames ahead of their use, on background threads.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">The number of elements.</param>
    /// <param name="cancellationToken">Ends it: pages that no thread has begun with stay where they are.</param>
    /// <returns>Completes when the range is resident, or as much of it as the budget allows: from the beginning of the range, half of the
    /// frames that <see cref="PagerOptions.ResidentBytes"/> pays for at this page size, and no more than can be had at the time without
    /// waiting for leases to end. Await it once, as any <see cref="ValueTask"/>.</returns>
    /// <remarks>A hint: it never changes what pages hold, and they may be evicted again before they are used, though not as the next ones.
    /// Untouched pages take no frame. A page that cannot be read does not keep the others out, and is an exception for who accesses it, not
    /// here. Disposing the array, or the pager, ends it without an exception. While it is under way it keeps both alive.
    /// <see cref="PagerStatistics.PrefetchedPages"/> counts the pages, <see cref="PagerStatistics.PrefetchWasted"/> those of them that were
    /// brought in for nothing.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, which the task says.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed already.</exception>
    public ValueTask PrefetchAsync(long start, long length, CancellationToken cancellationToken = default)
    {
        _pages.CheckRange(start, length);
        return length == 0
            ? _pages.Region.Prefetch(0, 0, cancellationToken)
            : _pages.Region.Prefetch(Locate(start).Page, Locate(start + length - 1).Page + 1, cancellationToken);
    }
}
