using Paging.Residency;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging;

/// <summary>Rows in any order.</summary>
public sealed unsafe partial class PagedMatrix<T>
{
    /// <summary>Made by the first thread that needs it.</summary>
    private RowGatherer? _gatherer;

    /// <summary>Copies rows in the order asked. Each page is brought in once, however many of the rows are in it, in the order of pages,
    /// and by background threads beside the calling one (of the .NET thread pool, where the pager has none). Rows may be asked for more
    /// than once.</summary>
    /// <param name="rows">Which rows.</param>
    /// <param name="destination">Receives them one after another: rows.Length × <see cref="Columns"/> elements. What it has beyond that
    /// stays as it is. It may be the span of a write lease on this matrix.</param>
    /// <remarks>Thread-safe. Untouched pages are read as zeroes and stay untouched. There may be more pages than frames. Allocates nothing
    /// in the long run: rows that are not in frames take 12 bytes each of pooled memory meanwhile, at most a million of them at a time; a
    /// page is brought in once for each such million. After an exception any of the rows may have been copied, and what belongs to others
    /// may hold anything.</remarks>
    /// <exception cref="ArgumentException">The destination is too short, or the numbers of the rows lie in it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One of the rows is not in the matrix; names it and its place. Nothing was
    /// copied.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had.</exception>
    /// <exception cref="PageCorruptedException">A stored page is damaged: of several, the first.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void Gather(ReadOnlySpan<long> rows, Span<T> destination)
    {
        CheckGather(rows, destination.Length);
        RowGatherer gatherer = Shared.Read(SharedWord.Operation, ref _gatherer) ?? MakeGatherer();

        // The destination may be a lease's span on this matrix. That is one row: then one row is copied, to another one or to itself, and
        // there is nothing that would have to be read before it is written.
        fixed (long* from = rows)
        {
            fixed (T* to = destination)
            {
                CheckApart(from, rows.Length, (byte*)to);
                gatherer.Gather(from, rows.Length, (byte*)to);
            }
        }

        GC.KeepAlive(this);
    }

    private RowGatherer MakeGatherer()
    {
        var made = new RowGatherer(_pages.Region, _divider, Rows, RowsPerPage, (int)_rowBytes);
        return Shared.CompareExchange(SharedWord.Operation, ref _gatherer, made, null) ?? made;
    }

    /// <summary>Rows that are copied over the numbers of others would have those others lost.</summary>
    private void CheckApart(long* rows, int count, byte* destination)
    {
        if ((byte*)rows < destination + (count * _rowBytes) && destination < (byte*)(rows + count))
        {
            ThrowHelper.ThrowGatherOverlaps(nameof(destination));
        }
    }

    private void CheckGather(ReadOnlySpan<long> rows, int length)
    {
        _pages.Region.AwaitOpen();
        if ((long)rows.Length * Columns > length)
        {
            ThrowHelper.ThrowGatherTooShort(rows.Length, Columns, length, "destination");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            if ((ulong)rows[i] >= (ulong)Rows)
            {
                ThrowHelper.ThrowGatheredRow(i, rows[i], Rows);
            }
        }
    }
}
