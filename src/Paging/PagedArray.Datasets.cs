using Paging.Codecs.Filters;
using Paging.Datasets;
using Paging.Formats;

namespace Paging;

/// <summary>The array as a dataset on disk.</summary>
public sealed partial class PagedArray<T>
{
    /// <summary>Writes the array as a Zarr v3 dataset, which <see cref="Pager.Open{T}"/> opens, and so do other programs: a directory,
    /// complete under its name or not there at all.</summary>
    /// <param name="path">The name. The directory that it is in must exist.</param>
    /// <param name="options">How it is written; null for the defaults.</param>
    /// <param name="progress">Told the share that is done, by the calling thread: 0 before anything is written, 1 when all is complete. What it
    /// throws ends it.</param>
    /// <param name="cancellationToken">Ends it: nothing is kept then.</param>
    /// <remarks>
    /// <para>Written by as many threads as there are processors, of which each has a few mebibytes of buffers beside the budgets. The array
    /// may be in use: each page is written as it is at one moment. Pages that hold zeroes only take no room.</para>
    /// <para>The format: an array of one dimension, fill value 0; shards (sharding_indexed, index at the end) of chunks (bytes, blosc, crc32c)
    /// that hold a page each. Elements of types that Zarr has not are raw bits. Differences (<see cref="PageFilter.Delta"/>), which blosc has
    /// not, are not taken: a filter is chosen that it has.</para>
    /// <para>The dataset may be the one that this array, or another one, was opened from: those that have it open keep it until they are
    /// disposed.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The path is empty, or no name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; the message says what there can be.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no directory for it to be in.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write there.</exception>
    /// <exception cref="IOException">The name is taken; or the disk is full, or fails. Nothing of the new dataset is kept; one that was to be
    /// replaced is as it was.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="OutOfPagingSpaceException">No frame can be had to read a page.</exception>
    /// <exception cref="PageCorruptedException">A page is damaged. Nothing is kept.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Save(
        string path, DatasetOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        MappedFile.CheckPath(path);
        _pages.Region.AwaitOpen();
        DatasetSaver.Save(new Saved(this), path, options ?? new DatasetOptions(), progress, cancellationToken);
    }

    private sealed unsafe class Saved(PagedArray<T> array) : DatasetItems
    {
        internal override long Count => array.Length;

        internal override int ItemBytes => sizeof(T);

        internal override long[] Shape => [array.Length];

        internal override ZarrElement Element => ZarrElement.Of<T>();

        internal override int ItemsPerPage => array.PageLength;

        internal override Filter? Filter => array._pages.Region.Policy.PortableFilter;

        internal override void Copy(long first, int count, byte* target) => array.CopyTo(first, new Span<T>(target, count));

        internal override bool AreZeroes(long first, long count) =>
            array._pages.Region.AreZeroes(array.Locate(first).Page, array.Locate(first + count - 1).Page);
    }
}
