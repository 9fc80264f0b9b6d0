using Paging.Formats;

namespace Paging;

/// <summary>A safetensors file: tensors by name, each mapped where it lies, when it is asked for.</summary>
/// <remarks>Thread-safe. Disposing it closes the file, as far as it goes: matrices that it gave out keep theirs until they are disposed
/// themselves. It belongs to the pager that opened it.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly Pager _pager;
    private readonly MappedFile _file;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private bool _isDisposed;

    internal SafetensorsFile(Pager pager, MappedFile file, SafetensorsEntry[] entries)
    {
        _pager = pager;
        _file = file;
        _entries = entries.ToDictionary(static entry => entry.Name, StringComparer.Ordinal);
        Tensors = Array.AsReadOnly(Array.ConvertAll(
            entries, static entry => new SafetensorInfo(entry.Name, entry.ElementType, entry.Shape.ToList(), entry.Bytes)));
    }

    /// <summary>What is in the file, in the order in which it lies there.</summary>
    public IReadOnlyList<SafetensorInfo> Tensors { get; }

    /// <summary>Maps a tensor. Rows are its first dimension, columns all others together; one of one dimension has one column, one of none
    /// a single element. Writes stay private, as for <see cref="Pager.MapFile{T}"/>.</summary>
    /// <typeparam name="T">What its elements are: the type of that name; ushort for BF16 and byte for F8, whose bytes are given as they are
    /// in the file; any struct of that size for those and for C64.</typeparam>
    /// <param name="name">One of the names in <see cref="Tensors"/>.</param>
    /// <param name="options">Page size (a minimum: it grows to the next power of two that holds a row), name and compression; null takes
    /// the pager's.</param>
    /// <returns>A new matrix each time, which is disposed on its own.</returns>
    /// <exception cref="KeyNotFoundException">There is no tensor of that name.</exception>
    /// <exception cref="ArgumentException">Its elements are of another type; the message says of which.</exception>
    /// <exception cref="InvalidDataException">It has no elements, or rows of more than 4 MiB.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The page size is out of range, or the budgets hold too few pages of the size that a
    /// row needs.</exception>
    /// <exception cref="InsufficientMemoryException">As for <see cref="Pager.Allocate{T}"/>.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before.</exception>
    /// <exception cref="ObjectDisposedException">The file or its pager is disposed.</exception>
    public PagedMatrix<T> Get<T>(string name, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
        if (!_entries.TryGetValue(name, out SafetensorsEntry? entry))
        {
            throw new KeyNotFoundException($"'{_file.Path}' has no tensor '{name}' among its {_entries.Count:N0}.");
        }

        if (!SafetensorsElement.Holds<T>(entry.ElementType))
        {
            throw new ArgumentException(
                $"Tensor '{name}' of '{_file.Path}' holds {entry.ElementType}, in the shape {entry.Shape}. " +
                $"{typeof(T).Name} was asked for. {SafetensorsElement.Advice(entry.ElementType)}.",
                nameof(T));
        }

        return _pager.MapTensor<T>(_file, entry.Offset, entry.Shape, $"tensor '{name}' of '{_file.Path}'", options);
    }

    /// <summary>Lets go of the file. Doing it again does nothing.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _isDisposed, true))
        {
            _file.Dispose();
        }
    }
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ElementType">Its type as the file says it: F32, BF16, I64 and so on.</param>
/// <param name="Shape">Its dimensions; none for a single number.</param>
/// <param name="Bytes">Its length in the file.</param>
public readonly record struct SafetensorInfo(string Name, string ElementType, IReadOnlyList<long> Shape, long Bytes);
