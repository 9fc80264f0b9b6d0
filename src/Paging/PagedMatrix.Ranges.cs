using Paging.Residency;

namespace Paging;

/// <summary>Ranges of rows over any number of pages. Each page is pinned on its own, so a range may be larger than the budget.</summary>
public sealed partial class PagedMatrix<T>
{
    /// <summary>Copies rows out, one after another. Untouched pages are read as zeroes and stay untouched.</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="destination">Receives as many rows as it has room for: a multiple of <see cref="Columns"/> elements. It may be the span
    /// of a write lease on this matrix. Then elements are moved as <see cref="Span{T}.CopyTo"/> moves them within an array, as if all were
    /// read before any is written.</param>
    /// <exception cref="ArgumentException">The destination does not have room for whole rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; the destination is filled in part.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged; the destination is filled in part.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void CopyTo(long startRow, Span<T> destination)
    {
        CheckSpan(startRow, destination.Length, nameof(destination));
        WalkFrom(startRow).CopyTo(destination);
        GC.KeepAlive(this);
    }

    /// <summary>Copies rows in, one after another. Pages that are overwritten as a whole are not loaded first.</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="source">Whole rows: a multiple of <see cref="Columns"/> elements. They may be the span of a lease on this matrix. Then
    /// they are moved as <see cref="Span{T}.CopyTo"/> moves them within an array, as if all were read before any is written.</param>
    /// <exception cref="ArgumentException">The source does not hold whole rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; some of the pages have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be written in part is damaged; others may have been
    /// written.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void CopyFrom(long startRow, ReadOnlySpan<T> source)
    {
        CheckSpan(startRow, source.Length, nameof(source));
        WalkFrom(startRow).CopyFrom(source);
        GC.KeepAlive(this);
    }

    /// <summary>Sets every element of a range of rows. Pages that are filled as a whole are not loaded first.</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="value">The new value of their elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had for a page; the pages before it have been written.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be filled in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void Fill(long startRow, long rows, T value)
    {
        CheckRows(startRow, rows);
        WalkFrom(startRow).Fill(rows * Columns, value);
        GC.KeepAlive(this);
    }

    /// <summary>Zeroes rows by dropping their pages; a page that is pinned is zeroed in place. Dropped pages are neither loaded first nor
    /// stored afterwards, so this makes room. In a matrix that is mapped from a file, each of them takes 32 bytes to say so.</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">The range begins or ends within a stored page, and no frame can be had for
    /// that.</exception>
    /// <exception cref="PageCorruptedException">A stored page that is to be zeroed in part is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void Discard(long startRow, long rows)
    {
        CheckRows(startRow, rows);
        WalkFrom(startRow).Discard(rows * Columns);
        GC.KeepAlive(this);
    }

    /// <summary>Brings the pages of a range of rows into frames ahead of their use, on background threads (of the .NET thread pool, where
    /// the pager has none).</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="cancellationToken">Ends it: pages that no thread has begun with stay where they are.</param>
    /// <returns>Completes when the rows are resident, or as many of them as the budget allows: see
    /// <see cref="PagedArray{T}.PrefetchAsync"/>, of which everything holds here. Await it once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, which the task says.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed already.</exception>
    public ValueTask PrefetchAsync(long startRow, long rows, CancellationToken cancellationToken = default)
    {
        CheckRows(startRow, rows);
        return rows == 0
            ? _pages.Region.Prefetch(0, 0, cancellationToken)
            : _pages.Region.Prefetch(
                _divider.Divide(startRow).Quotient, _divider.Divide(startRow + rows - 1).Quotient + 1, cancellationToken);
    }

    private PageWalker<T> WalkFrom(long startRow)
    {
        (long page, int row) = _divider.Divide(startRow);
        return new PageWalker<T>(ref _pages, page, row * Columns, RowsPerPage * Columns);
    }

    private void CheckRows(long startRow, long rows)
    {
        _pages.Region.AwaitOpen();
        if (startRow < 0 || rows < 0 || rows > Rows - startRow)
        {
            ThrowHelper.ThrowRows(startRow, rows, Rows);
        }
    }

    /// <summary>Checks that a span holds whole rows that lie within the matrix.</summary>
    private void CheckSpan(long startRow, int length, string parameter)
    {
        _pages.Region.AwaitOpen();
        (int rows, int rest) = Math.DivRem(length, Columns);
        if (rest != 0)
        {
            ThrowHelper.ThrowPartialRow(length, Columns, parameter);
        }

        if (startRow < 0 || rows > Rows - startRow)
        {
            ThrowHelper.ThrowSpanOfRows(startRow, rows, Rows);
        }
    }
}
