using System.Runtime.CompilerServices;
using Paging.Residency;

namespace Paging;

/// <summary>Rows of <typeparamref name="T"/>, each whole in a page. If a row is larger than a page, the page size grows to the next power
/// of two, up to 4 MiB.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <remarks>Thread-safe as <see cref="PagedArray{T}"/> is, with the same exceptions.</remarks>
public sealed unsafe partial class PagedMatrix<T> : IDisposable, IRegionFace
    where T : unmanaged
{
    private readonly ulong* _words;
    private readonly byte* _frames;
    private readonly Divider _divider;
    private readonly long _rowBytes;
    private PageAccessor _pages;

    internal PagedMatrix(PagedRegion region, Geometry geometry, int columns)
    {
        Rows = geometry.Items;
        Columns = columns;
        RowsPerPage = geometry.ItemsPerPage;
        _rowBytes = (long)columns * sizeof(T);
        _words = region.Words;
        _frames = region.Frames.Base;
        _divider = geometry.Divider;
        _pages = new PageAccessor(region, geometry.Items, pageShift: 0);
        region.Pages.State.SetFace(this);
    }

    /// <summary>The number of rows.</summary>
    public long Rows { get; }

    /// <summary>The number of elements in a row.</summary>
    public int Columns { get; }

    /// <summary>The number of rows in a page.</summary>
    public int RowsPerPage { get; }

    /// <summary>The size of a page in bytes: the one asked for, or the one that a longer row needs.</summary>
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

    /// <summary>An element, by value.</summary>
    /// <param name="row">0 or more, less than <see cref="Rows"/>.</param>
    /// <param name="column">0 or more, less than <see cref="Columns"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The row or the column is outside the matrix.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public T this[long row, int column]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            (long page, long offset) = Locate(row, column);
            if (!PageAccessor.TryRead(_words, _frames, page, offset, out T value))
            {
                value = _pages.Read<T>(page, offset);
            }

            GC.KeepAlive(this);
            return value;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set
        {
            (long page, long offset) = Locate(row, column);
            byte* data = _pages.Pin(page, write: true, out ulong* word);
            Unsafe.WriteUnaligned(data + offset, value);
            PageWord.Unpin(word);
            GC.KeepAlive(this);
        }
    }

    /// <summary>Pins a row for reading.</summary>
    /// <param name="row">0 or more, less than <see cref="Rows"/>.</param>
    /// <returns><see cref="Columns"/> elements.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The row is outside the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public ReadLease<T> ReadRow(long row)
    {
        (long page, long offset) = Locate(row, 0);
        byte* data = _pages.PinForLease(page, write: false, out ulong* word);
        return new ReadLease<T>((T*)(data + offset), Columns, word, _pages.Region);
    }

    /// <summary>Pins a row for writing.</summary>
    /// <param name="row">0 or more, less than <see cref="Rows"/>.</param>
    /// <returns><see cref="Columns"/> elements.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The row is outside the matrix.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had; nothing has changed.</exception>
    /// <exception cref="PageCorruptedException">The stored page is damaged.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public WriteLease<T> WriteRow(long row)
    {
        (long page, long offset) = Locate(row, 0);
        byte* data = _pages.PinForLease(page, write: true, out ulong* word);
        return new WriteLease<T>((T*)(data + offset), Columns, word, _pages.Region);
    }

    /// <summary>Gives everything back. Doing it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">Leases are out; says how many. Nothing has changed.</exception>
    public void Dispose() => _pages.Region.Close("Matrix");

    void IRegionFace.SetOpen(bool open) => _pages.SetOpen(open);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (long Page, long Offset) Locate(long row, int column)
    {
        if (!_pages.IsWithin(row))
        {
            CheckRowSlow(row);
        }

        if ((uint)column >= (uint)Columns)
        {
            ThrowHelper.ThrowColumn(column, Columns);
        }

        (long page, int rowInPage) = _divider.Divide(row);
        return (page, (rowInPage * _rowBytes) + ((long)column * sizeof(T)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckRowSlow(long row)
    {
        // A limit of zero means closing or closed. Closing may yet be called off.
        _pages.Region.AwaitOpen();
        if ((ulong)row >= (ulong)Rows)
        {
            ThrowHelper.ThrowRow(row, Rows);
        }
    }
}
