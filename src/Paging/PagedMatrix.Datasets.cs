using Paging.Codecs.Filters;
using Paging.Datasets;
using Paging.Formats;

namespace Paging;

/// <summary>The matrix as a dataset on disk.</summary>
public sealed partial class PagedMatrix<T>
{
    /// <summary>Writes the matrix as a Zarr v3 dataset of two dimensions, which <see cref="Pager.OpenMatrix{T}"/> opens, and so do other
    /// programs. As <see cref="PagedArray{T}.Save"/> in all else.</summary>
    /// <param name="path">The name. The directory that it is in must exist.</param>
    /// <param name="options">How it is written; null for the defaults.</param>
    /// <param name="progress">Told the share that is done, by the calling thread: 0 before anything is written, 1 when all is complete. What it
    /// throws ends it.</param>
    /// <param name="cancellationToken">Ends it: nothing is kept then.</param>
    /// <exception cref="ArgumentException">The path is empty, or no name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; the message says what there can be.</exception>
    /// <exception cref="IOException">As for <see cref="PagedArray{T}.Save"/>, like the other exceptions.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The matrix or its pager is disposed.</exception>
    public void Save(
        string path, DatasetOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        MappedFile.CheckPath(path);
        _pages.Region.AwaitOpen();
        DatasetSaver.Save(new Saved(this), path, options ?? new DatasetOptions(), progress, cancellationToken);
    }

    private sealed unsafe class Saved(PagedMatrix<T> matrix) : DatasetItems
    {
        internal override long Count => matrix.Rows;

        internal override int ItemBytes => (int)matrix._rowBytes;

        internal override long[] Shape => [matrix.Rows, matrix.Columns];

        internal override ZarrElement Element => ZarrElement.Of<T>();

        internal override int ItemsPerPage => matrix.RowsPerPage;

        internal override Filter? Filter => matrix._pages.Region.Policy.PortableFilter;

        internal override void Copy(long first, int count, byte* target) =>
            matrix.CopyTo(first, new Span<T>(target, count * matrix.Columns));

        internal override bool AreZeroes(long first, long count) => matrix._pages.Region.AreZeroes(
            matrix._divider.Divide(first).Quotient, matrix._divider.Divide(first + count - 1).Quotient);
    }
}
