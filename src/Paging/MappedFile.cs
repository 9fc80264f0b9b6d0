using Paging.Residency;
using Paging.Swap.Devices;

namespace Paging;

/// <summary>A file that arrays are about to be mapped from: what is asked of it is checked here. Disposing it leaves the file to the arrays
/// that were made.</summary>
/// <param name="source">The file, of which this is a user.</param>
internal sealed class MappedFile(SharedSource source) : IDisposable
{
    private bool _isDisposed;

    internal SharedSource Source => source;

    internal string Path => source.File.Path;

    internal long Bytes => source.File.Bytes;

    /// <summary>Opens a file.</summary>
    /// <exception cref="ArgumentException">The path is empty, or has a zero character in it.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">A part of the path is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to read it.</exception>
    /// <exception cref="IOException">It is not a regular file, or the system refuses otherwise.</exception>
    internal static MappedFile Open(PagingDomain domain, string path)
    {
        string full = FullPath(path);
        using DomainScope held = domain.Enter();
        return new MappedFile(new SharedSource(DirectSourceFile.Open(full, domain.Swap.Engine)));
    }

    /// <summary>The file that a path names to .NET, as to <see cref="File"/> and to Save: <c>..</c> takes the name before it away, also where
    /// that is a link, which the system would follow first.</summary>
    /// <exception cref="ArgumentException">The path is empty, or has a zero character in it.</exception>
    internal static string FullPath(string path)
    {
        CheckPath(path);
        return System.IO.Path.GetFullPath(path);
    }

    /// <exception cref="ArgumentException">The path is empty, or has a zero character in it.</exception>
    internal static void CheckPath(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The path has a zero character in it, which no file name has.", nameof(path));
        }
    }

    /// <summary>Checks what does not depend on the file.</summary>
    internal static void CheckArguments(long byteOffset, long? items, int itemBytes, string itemsName)
    {
        if (byteOffset < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(byteOffset), byteOffset, "An offset in a file is 0 or more.");
        }

        if (items <= 0 || items > long.MaxValue / itemBytes)
        {
            throw new ArgumentOutOfRangeException(
                itemsName,
                items,
                $"{items:N0} is not from 1 to {long.MaxValue / itemBytes:N0}: so many items of {itemBytes:N0} bytes cannot be in a file.");
        }
    }

    /// <summary>The number of items from an offset on: as many as are asked for, or as there are.</summary>
    /// <param name="byteOffset">Where they begin.</param>
    /// <param name="items">How many; null for all up to the end of the file.</param>
    /// <param name="itemBytes">The size of one.</param>
    /// <param name="itemName">What one is called.</param>
    /// <param name="itemsName">The caller's parameter.</param>
    /// <exception cref="ArgumentOutOfRangeException">The file has not so many.</exception>
    /// <exception cref="ArgumentException">The rest of the file is no whole number of them.</exception>
    internal long CountItems(long byteOffset, long? items, long itemBytes, string itemName, string itemsName)
    {
        if (byteOffset >= Bytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(byteOffset),
                byteOffset,
                Bytes == 0
                    ? $"'{Path}' is empty: there is nothing to map."
                    : $"Offset {byteOffset:N0} is not in '{Path}', which has {Bytes:N0} bytes.");
        }

        long left = Bytes - byteOffset;
        if (items is { } wanted)
        {
            return wanted <= left / itemBytes
                ? wanted
                : throw new ArgumentOutOfRangeException(
                    itemsName,
                    wanted,
                    $"'{Path}' has {left:N0} bytes from offset {byteOffset:N0} on: {left / itemBytes:N0} {itemName}s of {itemBytes:N0} " +
                    $"bytes, not {wanted:N0}.");
        }

        return left % itemBytes == 0
            ? left / itemBytes
            : throw new ArgumentException(
                $"'{Path}' has {left:N0} bytes from offset {byteOffset:N0} on, which is no whole number of {itemName}s of {itemBytes:N0} " +
                $"bytes: {left % itemBytes:N0} are left over. Say how many there are, or give another offset or type.",
                itemsName);
    }

    /// <summary>Reads a part of the file that is not to be mapped.</summary>
    /// <exception cref="IOException">It cannot be read; or there is less.</exception>
    internal void Read(long offset, Span<byte> destination) => SourceFileReader.Read(source.File, offset, destination);

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            source.RemoveUser();
        }
    }
}
