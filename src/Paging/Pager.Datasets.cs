using Paging.Datasets;
using Paging.Formats;
using Paging.Residency;
using Paging.Swap.Devices;

namespace Paging;

/// <summary>Arrays over datasets: directories in the Zarr v3 format, which others write and read as well.</summary>
public sealed partial class Pager
{
    /// <summary>An array over a dataset that <see cref="PagedArray{T}.Save"/> has written, or over any Zarr v3 array whose chunks hold whole
    /// rows in C order. Only its metadata is read; what is not touched is not decoded. Writes to the array stay private.</summary>
    /// <typeparam name="T">What the dataset holds: the type of the same name (<see cref="Half"/> for float16,
    /// <see cref="System.Numerics.Complex"/> for complex128), char for uint16, an enum for its numbers, any struct of the same size for raw
    /// bits and complex numbers.</typeparam>
    /// <param name="path">The directory, which has a zarr.json in it.</param>
    /// <param name="options">Page size, name and compression. Without a page size, pages are as long as chunks where chunks have 4 KiB to
    /// 4 MiB and the budgets have room for such pages, so that nothing is decoded in vain; else as long as the pager's.</param>
    /// <remarks>
    /// <para>Elements are had in C order, whatever the dimensions. Chunks may be in shards (sharding_indexed) or in files of their own, and
    /// compressed with blosc (LZ4, Zstd), with zstd, or not at all, with or without crc32c.</para>
    /// <para>All else is as for <see cref="MapFile{T}"/>: pages are decoded on first use, evicted ones are kept in the pool while there is
    /// room, and a page that cannot be loaded is a <see cref="PageCorruptedException"/> for who accesses it. The dataset stays the one that
    /// was opened when its directory is renamed, or when <see cref="PagedArray{T}.Save"/> replaces it. Up to 256 of its files are open at a
    /// time, with up to 64 MiB of indices of shards; the first use of a file opens it.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The path is empty, or the dataset holds another type; the message says which.</exception>
    /// <exception cref="InvalidDataException">It is no dataset, or a damaged one, or of a version, with codecs or with chunks that are not
    /// supported; or it has no elements, or more than an array can. The message says what it holds, and what could be had.</exception>
    /// <exception cref="DirectoryNotFoundException">There is nothing of that name.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to read it.</exception>
    /// <exception cref="IOException">It is no directory, or the system refuses otherwise.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The page size is out of range, or the budgets hold too few pages of it.</exception>
    /// <exception cref="InsufficientMemoryException">As for <see cref="Allocate{T}"/>.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before, or there is no
    /// frame of that size.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedArray<T> Open<T>(string path, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        using DatasetSource source = OpenDataset<T>(path, options);
        DatasetLayout layout = DatasetLayout.OfElements(source.Metadata, path);
        source.Layout = layout;
        return OpenOver<T>(source, layout, options, path);
    }

    /// <summary>Makes an array over a dataset of these elements.</summary>
    internal PagedArray<T> OpenOver<T>(IBackingSource source, DatasetLayout layout, PagedArrayOptions? options, string path)
        where T : unmanaged
    {
        Geometry geometry = layout.GeometryFor(
            pageBytes => Geometry.ForElements<T>(layout.Items, pageBytes),
            options?.PageBytes,
            Options.PageBytes,
            long.IsPow2(layout.ItemBytes),
            DoesPageFit,
            path);
        return new PagedArray<T>(MakeRegion<T>(geometry, options, source), geometry);
    }

    /// <summary>As <see cref="Open{T}"/>, as a matrix: rows are the first dimension, columns all others together; an array of one dimension
    /// has one column.</summary>
    /// <typeparam name="T">What the dataset holds.</typeparam>
    /// <param name="path">The directory.</param>
    /// <param name="options">Page size (a minimum: it grows to the next power of two that holds a row), name and compression.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Open{T}"/>; or a row takes more than 4 MiB.</exception>
    /// <exception cref="IOException">As for <see cref="Open{T}"/>, like the other exceptions.</exception>
    public PagedMatrix<T> OpenMatrix<T>(string path, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        using DatasetSource source = OpenDataset<T>(path, options);
        DatasetLayout layout = DatasetLayout.OfRows(source.Metadata, path, out int columns);
        source.Layout = layout;
        Geometry geometry = layout.GeometryFor(
            pageBytes => Geometry.ForRows<T>(layout.Items, columns, pageBytes),
            options?.PageBytes,
            Options.PageBytes,
            isPowerOfTwo: false,
            DoesPageFit,
            path);
        return new PagedMatrix<T>(MakeRegion<T>(geometry, options, source), geometry, columns);
    }

    private DatasetSource OpenDataset<T>(string path, PagedArrayOptions? options)
        where T : unmanaged
    {
        string full = MappedFile.FullPath(path);
        options?.Check();
        DatasetSource source;
        using (DomainScope held = _domain.Enter())
        {
            source = new DatasetSource(full, _domain.Swap.Engine);
        }

        ZarrElement element = source.Metadata.Element;
        if (element.Holds<T>())
        {
            return source;
        }

        source.Dispose();
        throw new ArgumentException(
            $"'{path}' holds {element.Name}, in the shape {source.Metadata.Shape}. {typeof(T).Name} was asked for. {element.Advice()}.",
            nameof(T));
    }

    private bool DoesPageFit(int pageBytes)
    {
        (long resident, long pool) = _domain.Follower is { } follower
            ? follower.Ceilings
            : (_domain.Frames.BudgetBytes, _domain.Swap.Budget.Bytes);
        return OptionChecks.DoesPageFit(pageBytes, resident, pool);
    }
}
