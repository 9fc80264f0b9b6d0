using Paging.Residency;

namespace Paging;

/// <summary>Access without waiting: the thread goes on, and the pager's background threads bring pages in. Where it has none
/// (<see cref="PagerOptions.BackgroundThreads"/> is 0), threads of the .NET thread pool do.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>Pins the page of <paramref name="start"/> if it is in a frame. Never blocks and never decodes: if the page is not in a
    /// frame, that starts its fault in the background, and the next call may find it. For threads that have something better to do than to
    /// wait, such as one that draws pictures.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="lease">From <paramref name="start"/> to the page's (or the array's) end; empty when there is none.</param>
    /// <returns>False when the page is not in a frame, and while another thread decides whether the array can be disposed.</returns>
    /// <remarks>Allocates nothing. An untouched page is given a frame, as <see cref="Read(long)"/> does. 64 pages at most are asked for at
    /// once; beyond that, requests are dropped, so keep asking. A page that cannot be read (<see cref="PageCorruptedException"/>), or for
    /// which there is no room, is never there: <see cref="Read(long)"/> says why.</remarks>
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

    /// <summary>Pins the page of <paramref name="start"/> without waiting for a device: an owner that may cross awaits and
    /// threads.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="writable">Whether the page will be written. A pin that is not writable must not be written: such writes may be
    /// lost.</param>
    /// <param name="cancellationToken">Ends the waiting; then nothing stays pinned.</param>
    /// <returns>The owner, from <paramref name="start"/> to the page's (or the array's) end. Completes before this returns when the page is
    /// in a frame, in the pool, or zeroes, and a frame for it is at hand. Otherwise, as when the page is in a file, or a frame can
    /// only be had by writing to one, a thread of the background does the rest. Await it once.</returns>
    /// <remarks>Refused, where <see cref="Read(long)"/> would wait for leases of other threads to end: let fewer pins be asked for or held at
    /// a time than there are frames, as by a <see cref="SemaphoreSlim"/>. What goes wrong but for the
    /// arguments is an exception of the task. An owner of elements longer than 65,535 bytes shows them by
    /// <see cref="PageOwner{T}.GetSpan"/>: the runtime has no spans of a <see cref="Memory{T}"/> of such.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The start is outside the array.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before the page was pinned.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed, or was while the page was waited for.</exception>
    public ValueTask<PageOwner<T>> PinAsync(long start, bool writable = false, CancellationToken cancellationToken = default)
    {
        _pages.CheckIndex(start);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<PageOwner<T>>(cancellationToken);
        }

        PagedRegion region = _pages.Region;
        (long page, int offset) = Locate(start);
        int length = LengthFrom(start, offset);
        return PinOperation<T>.Pin(region, page, offset, length, writable, cancellationToken);
    }

    /// <summary>Pins the pages of a range and shows them as one sequence.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">The number of elements; 0 gives an empty sequence that pins nothing.</param>
    /// <returns>Dispose it to give the pages back.</returns>
    /// <remarks>Each page takes a frame until then, untouched ones too. Where others have so many pinned that there are not enough, this waits
    /// for leases to end, as long as one ends within a second, and holds no page meanwhile; not in a thread that has leases itself. Use
    /// <see cref="CopyTo"/> for ranges that are not small beside <see cref="PagerOptions.ResidentBytes"/>.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array.</exception>
    /// <exception cref="NotSupportedException">An element is longer than 65,535 bytes: the runtime has no sequences of such.</exception>
    /// <exception cref="OutOfPagingSpaceException">The range has more pages than the budget has frames, or one of its pages can have none;
    /// the message says which, with the figures. Nothing stays pinned.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged. Nothing stays pinned.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public PagedSequence<T> ReadSequence(long start, long length)
    {
        ArrayElements.Check<T>("Sequences have", "Read such elements with Read, CopyTo or PinAsync.");
        _pages.CheckRange(start, length);
        (long page, int offset) = length == 0 ? default : Locate(start);
        return PagedSequence<T>.Take(_pages.Region, page, offset, PageLength, length);
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
