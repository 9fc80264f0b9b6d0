using System.Buffers.Binary;
using Paging.Codecs;
using Paging.Interop;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>The files of a dataset, by number: opened when one of their chunks is asked for, and their index is read and checked
/// then.</summary>
/// <remarks>A user of the directory, until its own last user has left: an array, or a clone of it.</remarks>
/// <param name="directory">Where they are, of which this becomes a user in place of the caller.</param>
/// <param name="layout">What is in them.</param>
/// <param name="maxOpen">How many are kept open, at most, in round numbers.</param>
/// <param name="indexBytes">Bytes of their indices that are kept, about.</param>
internal sealed unsafe class ShardTable(
    IDatasetFiles directory, DatasetLayout layout, long maxOpen = long.MaxValue, long indexBytes = long.MaxValue) : RefCounted
{
    private readonly ShardCache _open =
        new(Math.Min(layout.Files, maxOpen), layout.Metadata.Index is null ? 0 : layout.IndexBytes, indexBytes);

    /// <summary>The file of a number, if it is open, as one more user of it.</summary>
    internal SharedSource? TryGet(long number) => _open.TryGet(number);

    /// <summary>The file of a number, as one more user of it: it may have to be opened, which waits for the disk.</summary>
    /// <param name="number">The file's.</param>
    /// <param name="failure">Why it cannot be had.</param>
    internal SharedSource? Get(long number, out LoadResult failure)
    {
        failure = default;
        if (_open.TryGet(number) is { } source)
        {
            return source;
        }

        ShardFile? file = TryOpen(number, ref failure);
        if (file is null)
        {
            return null;
        }

        source = new SharedSource(file);
        _open.Add(number, source);
        return source;
    }

    protected override void Close()
    {
        _open.Clear();
        directory.RemoveUser();
    }

    private ShardFile? TryOpen(long number, ref LoadResult failure)
    {
        string name = layout.Metadata.FileNameOf(number);
        string path = directory.PathOf(name);
        SourceFile? file = directory.TryOpen(name, out int error);
        if (file is null)
        {
            if (error is Errno.ENOENT && directory.IsSame())
            {
                // All of it holds the fill value.
                return new ShardFile(null, path, null, 0, 0);
            }

            failure = error is Errno.ENOENT or Errno.ENOTDIR or Errno.EISDIR or Errno.EINVAL
                ? Damaged(path, 0, error == Errno.ENOENT ? "it is gone: the dataset was deleted or replaced since it was opened" : "it is no file")
                : Failed(path, 0, error);
            return null;
        }

        CodecMemory? index = null;
        try
        {
            if (layout.Metadata.Index is not null && !TryReadIndex(file, path, ref index, ref failure))
            {
                return null;
            }

            var opened = new ShardFile(file, path, index, layout.EntriesPerFile, layout.EntriesPerFile / layout.ChunksPerFile);
            file = null;
            index = null;
            return opened;
        }
        finally
        {
            index?.Dispose();
            file?.Dispose();
        }
    }

    private bool TryReadIndex(SourceFile file, string path, ref CodecMemory? index, ref LoadResult failure)
    {
        Formats.ZarrIndex format = layout.Metadata.Index!.Value;
        long bytes = layout.IndexBytes + (format.HasChecksum ? Crc32C.Bytes : 0);
        if (file.Bytes < bytes)
        {
            failure = Damaged(path, 0, $"its index takes {bytes:N0} bytes, and the file has {file.Bytes:N0}");
            return false;
        }

        index = CodecMemory.TryTake((nuint)bytes, zeroed: false);
        if (index is null)
        {
            failure = Failed(path, 0, Errno.ENOMEM);
            return false;
        }

        var all = new Span<byte>(index.Address, (int)bytes);
        long offset = format.IsAtEnd ? file.Bytes - bytes : 0;
        int error = SourceFileReader.TryRead(file, offset, all);
        if (error != 0)
        {
            failure = Failed(path, offset, error);
            return false;
        }

        Span<byte> entries = all[..(int)layout.IndexBytes];
        if (format.HasChecksum && Crc32C.Of(entries) != BinaryPrimitives.ReadUInt32LittleEndian(all[entries.Length..]))
        {
            failure = Damaged(path, offset, "its index fails its checksum");
            return false;
        }

        return true;
    }

    private static LoadResult Failed(string path, long offset, int error) =>
        new(LoadStatus.SourceFailed) { Failure = new LoadFailure(path, offset) { Error = error } };

    private static LoadResult Damaged(string path, long offset, string detail) =>
        new(LoadStatus.SourceDamaged) { Failure = new LoadFailure(path, offset) { Detail = detail } };
}
