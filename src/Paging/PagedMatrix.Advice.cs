namespace Paging;

/// <summary>Advice.</summary>
public sealed partial class PagedMatrix<T>
{
    /// <summary>Says how rows are going to be used. A hint: it changes when pages move, never what they hold.</summary>
    /// <param name="startRow">The first row.</param>
    /// <param name="rows">The number of rows. Pages that they cover in part count as covered.</param>
    /// <param name="advice">As with <see cref="PagedArray{T}.Advise"/>, of which everything holds here.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not within the matrix, or the advice is none.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void Advise(long startRow, long rows, PageAdvice advice)
    {
        CheckRows(startRow, rows);
        OptionChecks.CheckAdvice(advice);
        (long first, long end) = rows == 0
            ? (0, 0)
            : (_divider.Divide(startRow).Quotient, _divider.Divide(startRow + rows - 1).Quotient + 1);
        _pages.Region.Advise(first, end, advice);
        GC.KeepAlive(this);
    }
}
