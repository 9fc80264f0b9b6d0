using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Formats;
using Paging.Residency;
using Paging.Swap.Devices;

namespace Paging;

/// <summary>Arrays over files that are there already. Opening one takes as long as opening a file; what is not touched is not
/// read.</summary>
public sealed partial class Pager
{
    /// <summary>An array over an existing file, privately mapped: pages are read from the file on first use, and writes never reach the
    /// file.</summary>
    /// <typeparam name="T">Any unmanaged type of at most one page, as it lies in the file: the bytes are taken as they are.</typeparam>
    /// <param name="path">A regular file, or a link to one. It is opened to be read, and closed when the array is disposed or
    /// collected.</param>
    /// <param name="byteOffset">Where the first element begins: any offset, aligned or not.</param>
    /// <param name="length">The number of elements; null for all up to the end of the file.</param>
    /// <param name="options">Page size, name and compression; null takes the pager's.</param>
    /// <remarks>Reads bypass the system's page cache where the file system allows that. All else is as for any array: pages that were
    /// written go to the pool and to swap files, pages that were discarded are zeroes.
    /// A page that cannot be read, because the disk fails or the file was made shorter meanwhile, is a <see cref="PageCorruptedException"/>
    /// for who accesses it; other pages are not affected, and when the file is well again so is the page. What a program sees of changes
    /// that others make to the file is not defined: pages that are in frames, or in the pool, stay as they were read.</remarks>
    /// <exception cref="ArgumentException">The path is empty; an element is larger than a page; or the rest of the file is no whole number
    /// of elements.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Offset or length are negative or not in the file, and the message says what that has;
    /// or an option is out of range, or the budgets hold too few pages of that size.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">A part of the path is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to read it.</exception>
    /// <exception cref="IOException">It is a directory, a FIFO, a socket or a device, or the system refuses otherwise.</exception>
    /// <exception cref="InsufficientMemoryException">As for <see cref="Allocate{T}"/>; or the system gives no thread to read
    /// with.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before, or there is no
    /// frame of that size.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedArray<T> MapFile<T>(string path, long byteOffset = 0, long? length = null, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        MappedFile.CheckArguments(byteOffset, length, Unsafe.SizeOf<T>(), nameof(length));
        using MappedFile file = MappedFile.Open(_domain, path);
        long items = file.CountItems(byteOffset, length, Unsafe.SizeOf<T>(), "element", nameof(length));
        return Map<T>(file.Source, byteOffset, items, options);
    }

    /// <summary>As <see cref="MapFile{T}"/>, as a matrix: rows of <paramref name="columns"/> elements, one after another in the
    /// file.</summary>
    /// <typeparam name="T">Any unmanaged type, as it lies in the file.</typeparam>
    /// <param name="path">A regular file, or a link to one.</param>
    /// <param name="columns">The number of elements in a row: 1 or more; a row is 4 MiB at most.</param>
    /// <param name="byteOffset">Where the first row begins: any offset.</param>
    /// <param name="rows">The number of rows; null for all up to the end of the file.</param>
    /// <param name="options">Page size (a minimum: it grows to the next power of two that holds a row), name and compression.</param>
    /// <exception cref="ArgumentException">The path is empty, or the rest of the file is no whole number of rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Columns are out of range; otherwise as for <see cref="MapFile{T}"/>.</exception>
    /// <exception cref="IOException">As for <see cref="MapFile{T}"/>, like the other exceptions.</exception>
    public PagedMatrix<T> MapFileMatrix<T>(
        string path, int columns, long byteOffset = 0, long? rows = null, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        int rowBytes = Geometry.RowBytes<T>(columns);
        MappedFile.CheckArguments(byteOffset, rows, rowBytes, nameof(rows));
        using MappedFile file = MappedFile.Open(_domain, path);
        long items = file.CountItems(byteOffset, rows, rowBytes, "row", nameof(rows));
        return MapMatrix<T>(file.Source, byteOffset, items, columns, options);
    }

    /// <summary>A NumPy file (.npy, versions 1 to 3) in C order and little-endian, mapped where its data lies. Rows are its first
    /// dimension, columns all others together; a one-dimensional one has one column.</summary>
    /// <typeparam name="T">What the file holds: bool for b1; sbyte, short, int and long for i1 to i8; byte, ushort, uint and ulong for u1
    /// to u8; <see cref="Half"/>, float and double for f2 to f8; any type of the same size for V, and for records.</typeparam>
    /// <param name="path">The file.</param>
    /// <param name="options">Page size (a minimum: it grows to the next power of two that holds a row), name and compression.</param>
    /// <remarks>As <see cref="MapFile{T}"/> in all else: writes stay private.</remarks>
    /// <exception cref="ArgumentException">The path is empty, or the file holds another type; the message says which.</exception>
    /// <exception cref="InvalidDataException">It is no such file; or it is damaged, truncated, in Fortran order or big-endian; or it has no
    /// elements, or rows of more than 4 MiB. The message says what it holds.</exception>
    /// <exception cref="IOException">As for <see cref="MapFile{T}"/>, like the other exceptions.</exception>
    public PagedMatrix<T> OpenNpy<T>(string path, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        using MappedFile file = MappedFile.Open(_domain, path);
        NpyHeader header = NpyHeader.Read(file.Path, file.Bytes, file.Read);
        header.CheckType<T>(path);
        return MapTensor<T>(file, header.DataOffset, header.Shape, $"'{path}'", options);
    }

    /// <summary>A safetensors file: its tensors by name, mapped where they lie.</summary>
    /// <param name="path">The file.</param>
    /// <returns>What it holds. Only its header is read, which is 100 MB at most.</returns>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidDataException">It is no such file, or it is damaged or truncated; the message says where.</exception>
    /// <exception cref="IOException">As for <see cref="MapFile{T}"/>, like the other exceptions.</exception>
    public SafetensorsFile OpenSafetensors(string path)
    {
        MappedFile file = MappedFile.Open(_domain, path);
        try
        {
            return new SafetensorsFile(this, file, SafetensorsHeader.Read(file.Path, file.Bytes, file.Read));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Maps elements of a file that has so many.</summary>
    internal PagedArray<T> Map<T>(SharedSource source, long byteOffset, long length, PagedArrayOptions? options)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForElements<T>(length, options?.PageBytes ?? Options.PageBytes);
        return new PagedArray<T>(MakeRegion<T>(geometry, options, new SourceRange(source, byteOffset)), geometry);
    }

    /// <summary>Maps rows of a file that has so many.</summary>
    internal PagedMatrix<T> MapMatrix<T>(SharedSource source, long byteOffset, long rows, int columns, PagedArrayOptions? options)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForRows<T>(rows, columns, options?.PageBytes ?? Options.PageBytes);
        return new PagedMatrix<T>(MakeRegion<T>(geometry, options, new SourceRange(source, byteOffset)), geometry, columns);
    }

    private PagedRegion MakeMapped(IBackingSource source, in Geometry geometry, string? name, CompressionPolicy policy)
    {
        PageBacking backing = source.Back(_domain, geometry);
        PagedRegion region;
        try
        {
            region = new PagedRegion(_domain, geometry, name, policy, backing);
        }
        catch
        {
            backing.Release();
            throw;
        }

        if (!region.IsRegistered)
        {
            // Nothing that could be used, and nobody closes it.
            backing.Release();
            return region;
        }

        try
        {
            region.KeepFrame();
            return region;
        }
        catch
        {
            region.Close("Array");
            throw;
        }
    }

    /// <summary>Maps a tensor in C order that the file is known to hold: rows are its first dimension, columns the others.</summary>
    internal PagedMatrix<T> MapTensor<T>(MappedFile file, long byteOffset, TensorShape shape, string what, PagedArrayOptions? options)
        where T : unmanaged
    {
        (long rows, int columns) = shape.AsMatrix(Unsafe.SizeOf<T>(), Memory.FramePool.MaxPageBytes, what);
        Geometry.CheckFile(rows, columns * Unsafe.SizeOf<T>(), options?.PageBytes ?? Options.PageBytes, what);
        return MapMatrix<T>(file.Source, byteOffset, rows, columns, options);
    }
}
