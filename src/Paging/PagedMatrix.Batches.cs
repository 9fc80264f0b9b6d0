namespace Paging;

/// <summary>Rows in batches.</summary>
public sealed partial class PagedMatrix<T>
{
    private const int MaxBatchesAhead = 1024;

    /// <summary>Batches of rows in a known order, gathered ahead of the reader: a training loop's data loader.</summary>
    /// <param name="order">The order of an epoch. It may have fewer rows than the matrix: those from its beginning.</param>
    /// <param name="batchRows">Rows in a batch; the last one of an epoch may be shorter.</param>
    /// <param name="epoch">The epoch to begin with, 0 or more.</param>
    /// <param name="position">Rows of it that are left out: any number from 0 to the order's rows.</param>
    /// <param name="batchesAhead">Batches that are gathered beside the one shown, 0 to 1,024. The memory of one more than that is beside
    /// the budgets, on the managed heap: batchRows × <see cref="Columns"/> elements each, and 8 bytes a row.</param>
    /// <returns>A reader, to be disposed; it begins to gather at once.</returns>
    /// <exception cref="ArgumentException">The order has more rows than the matrix.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range, or a batch would have more elements than an array can
    /// have.</exception>
    /// <exception cref="NotSupportedException">An element is longer than 65,535 bytes: the runtime has no arrays of such, and so no batches.
    /// <see cref="Gather"/> and <see cref="ReadRow"/> take any.</exception>
    /// <exception cref="InsufficientMemoryException">The system gives no thread.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public BatchReader<T> ReadBatches(RowOrder order, int batchRows, long epoch = 0, long position = 0, int batchesAhead = 2)
    {
        ArgumentNullException.ThrowIfNull(order);
        ThrowIfDisposed();
        ArrayElements.Check<T>("Batches have", "Read such rows with Gather, CopyTo or ReadRow.");
        if (order.Rows > Rows)
        {
            throw new ArgumentException($"The order is one of {order.Rows:N0} rows, and the matrix has {Rows:N0}.", nameof(order));
        }

        if (batchRows <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(batchRows), batchRows, $"A batch has at least one row, not {batchRows:N0}.");
        }

        int most = (int)Math.Min(batchRows, order.Rows);
        if ((long)most * Columns > Array.MaxLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(batchRows),
                batchRows,
                $"{most:N0} rows of {Columns:N0} elements are {(long)most * Columns:N0} elements, and an array has {Array.MaxLength:N0} at " +
                "most.");
        }

        if (batchesAhead is < 0 or > MaxBatchesAhead)
        {
            throw new ArgumentOutOfRangeException(
                nameof(batchesAhead), batchesAhead, $"{batchesAhead:N0} is not from 0 to {MaxBatchesAhead:N0}.");
        }

        order.CheckPlace(epoch, position);
        return new BatchReader<T>(this, order, most, epoch, position, batchesAhead + 1, _pages.Region.Time);
    }

    /// <summary>For readers.</summary>
    /// <returns>Null where batches are gathered as they come.</returns>
    internal WindowFetcher? FetchWindows(RowOrder order) =>
        WindowFetcher.Suits(order, _pages.Region) ? new WindowFetcher(_pages.Region, _divider, RowsPerPage, order) : null;

    /// <summary>For readers: the matrix may have been disposed under them.</summary>
    internal void ThrowIfDisposed() => _pages.Region.AwaitOpen();
}
