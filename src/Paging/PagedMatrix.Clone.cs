using Paging.Residency;

namespace Paging;

/// <summary>Copies on write.</summary>
public sealed unsafe partial class PagedMatrix<T>
{
    /// <summary>A copy-on-write copy, as <see cref="PagedArray{T}.Clone"/>: shares every page until one side writes it.</summary>
    /// <returns>The clone, which is to be disposed of like any matrix.</returns>
    /// <exception cref="OutOfPagingSpaceException">As for <see cref="PagedArray{T}.Clone"/>, like the other exceptions.</exception>
    public PagedMatrix<T> Clone()
    {
        Geometry geometry = Geometry.ForRows<T>(Rows, Columns, PageBytes).WithItemsPerPage(RowsPerPage);
        var clone = new PagedMatrix<T>(_pages.Region.Clone(geometry), geometry, Columns);
        GC.KeepAlive(this);
        return clone;
    }
}
