using Paging.Codecs;
using Paging.Swap.Devices;

namespace Paging.Datasets;

/// <summary>Where the bytes of a chunk are.</summary>
/// <param name="Offset">In the file.</param>
/// <param name="Bytes">How many.</param>
internal readonly record struct ChunkPlace(long Offset, long Bytes)
{
    /// <summary>Of a chunk that is not there: its elements hold the fill value.</summary>
    internal static ChunkPlace None => new(-1, 0);

    internal bool IsNone => Offset < 0;
}

/// <summary>A file of a dataset: a shard with its index, a chunk by itself, or one that is not there.</summary>
/// <remarks>It never changes, so any number of threads may look.</remarks>
internal sealed unsafe class ShardFile : SourceFile
{
    private readonly SourceFile? _file;
    private readonly CodecMemory? _index;
    private readonly long _entries;
    private readonly long _stride;

    /// <param name="file">The file, which this owns; null when it is not there.</param>
    /// <param name="path">Its path.</param>
    /// <param name="index">Its index, which this owns; null when it has none.</param>
    /// <param name="entries">The entries in the index.</param>
    /// <param name="stride">Entries from chunk to chunk.</param>
    internal ShardFile(SourceFile? file, string path, CodecMemory? index, long entries, long stride)
    {
        _file = file;
        _index = index;
        _entries = entries;
        _stride = stride;
        Path = path;
    }

    internal override string Path { get; }

    internal override long Bytes => _file?.Bytes ?? 0;

    internal override long BytesNow => _file?.BytesNow ?? -1;

    internal override bool IsDirect => _file?.IsDirect ?? false;

    /// <summary>Where a chunk is.</summary>
    /// <param name="chunk">Its number in the file.</param>
    internal ChunkPlace Find(long chunk)
    {
        if (_file is null)
        {
            return ChunkPlace.None;
        }

        if (_index is null)
        {
            return new ChunkPlace(0, _file.Bytes);
        }

        ulong* entry = (ulong*)_index.Address + (2 * chunk * _stride);
        System.Diagnostics.Debug.Assert(chunk * _stride < _entries, "a chunk of the file");
        return (entry[0], entry[1]) is (ulong.MaxValue, ulong.MaxValue)
            ? ChunkPlace.None
            : new ChunkPlace((long)Math.Min(entry[0], long.MaxValue), (long)Math.Min(entry[1], long.MaxValue));
    }

    internal override int Read(long offset, byte* buffer, int length, int wanted) => _file!.Read(offset, buffer, length, wanted);

    internal override void Submit(IoRequest request, int wanted) => _file!.Submit(request, wanted);

    public override void Dispose()
    {
        _file?.Dispose();
        _index?.Dispose();
    }
}
