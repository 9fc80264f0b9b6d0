using Paging.Formats;
using Paging.Memory;
using Paging.Residency;

namespace Paging.Datasets;

/// <summary>How the items of an array (elements, or rows) lie in the chunks of a dataset, and these in its files.</summary>
internal sealed class DatasetLayout
{
    /// <summary>Decoded bytes that a chunk which can only be read as a whole may have, at most.</summary>
    private const long MaxChunkBytes = 256 << 20;

    /// <summary>The longest index of a shard.</summary>
    private const long MaxIndexBytes = 64 << 20;

    internal const int EntryBytes = 2 * sizeof(ulong);

    private DatasetLayout(ZarrMetadata metadata, long items, int itemBytes, long itemsPerChunk, long chunkRowBytes, string path)
    {
        Metadata = metadata;
        Items = items;
        ItemBytes = itemBytes;
        ItemsPerChunk = itemsPerChunk;
        ChunkItemBytes = chunkRowBytes;
        (EntriesPerFile, ChunksPerFile) = metadata.ChunksAFile;
        ChunkBytes = itemsPerChunk * chunkRowBytes;
        Files = ((items - 1) / itemsPerChunk / ChunksPerFile) + 1;
        Check(path);
    }

    internal ZarrMetadata Metadata { get; }

    internal long Items { get; }

    internal int ItemBytes { get; }

    internal long ItemsPerChunk { get; }

    /// <summary>Bytes from an item of a chunk to the next: more than an item has where a chunk is wider than the array.</summary>
    internal long ChunkItemBytes { get; }

    /// <summary>What a chunk decodes to.</summary>
    internal long ChunkBytes { get; }

    /// <summary>Chunks that hold items, in a file.</summary>
    internal long ChunksPerFile { get; }

    /// <summary>Entries of the index of a shard.</summary>
    internal long EntriesPerFile { get; }

    internal long Files { get; }

    /// <summary>Bytes of the index of a shard, without its checksum.</summary>
    internal long IndexBytes => EntriesPerFile * EntryBytes;

    /// <summary>Whether any items can be read by themselves.</summary>
    internal bool IsPlain => Metadata.Coding.IsPlain && ChunkItemBytes == ItemBytes;

    /// <summary>The layout as elements, in C order.</summary>
    /// <exception cref="InvalidDataException">It has no elements, or chunks in a form that is not supported; the message says
    /// which.</exception>
    internal static DatasetLayout OfElements(ZarrMetadata metadata, string path)
    {
        CheckNotEmpty(metadata, path);
        (long chunkRow, long row) = metadata.RowBytes;
        if (chunkRow != row)
        {
            throw new InvalidDataException(
                $"'{path}' cannot be opened as an array: its chunks are wider than its shape {metadata.Shape}. Open it as a matrix.");
        }

        long elements = row / metadata.Element.Bytes;
        return new DatasetLayout(
            metadata, metadata.Shape.Elements, metadata.Element.Bytes, RowsPerChunk(metadata) * elements, metadata.Element.Bytes, path);
    }

    /// <summary>The layout as rows: the first dimension counts them, columns are all others together.</summary>
    internal static DatasetLayout OfRows(ZarrMetadata metadata, string path, out int columns)
    {
        CheckNotEmpty(metadata, path);
        (long rows, columns) = metadata.Shape.AsMatrix(metadata.Element.Bytes, FramePool.MaxPageBytes, $"'{path}'");
        (long chunkRow, long row) = metadata.RowBytes;
        return new DatasetLayout(metadata, rows, (int)row, RowsPerChunk(metadata), chunkRow, path);
    }

    /// <summary>Pages that suit the chunks: each holds one where that is possible, so that nothing is decoded in vain.</summary>
    /// <param name="natural">Gives the geometry of a page size.</param>
    /// <param name="asked">The page size that was asked for; null for what suits best.</param>
    /// <param name="usual">The pager's.</param>
    /// <param name="isPowerOfTwo">Whether the items of a page must be a power of two.</param>
    /// <param name="fits">Whether the budgets have room for pages of a size.</param>
    /// <param name="path">The dataset, named in exceptions.</param>
    /// <exception cref="InvalidDataException">It has more items than an array can.</exception>
    internal Geometry GeometryFor(Func<int, Geometry> natural, int? asked, int usual, bool isPowerOfTwo, Func<int, bool> fits, string path)
    {
        int pageBytes = asked ?? usual;
        long chunk = ItemsPerChunk * ItemBytes;
        if (asked is null && chunk is >= FramePool.MinPageBytes and <= FramePool.MaxPageBytes)
        {
            int suits = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)chunk);
            pageBytes = fits(suits) ? suits : usual;
        }

        Geometry.CheckFile(Items, ItemBytes, pageBytes, $"'{path}'");
        Geometry geometry = natural(pageBytes);
        long items = geometry.ItemsPerPage / ItemsPerChunk * ItemsPerChunk;

        // Divider is exact up to there.
        bool isExact = Math.BigMul((ulong)geometry.Items, (ulong)items, out _) == 0;
        return items == 0 || items == geometry.ItemsPerPage || !isExact || (isPowerOfTwo && !long.IsPow2(items))
            ? geometry
            : geometry.WithItemsPerPage((int)items);
    }

    private static long RowsPerChunk(ZarrMetadata metadata) => metadata.ChunkShape.Length == 0 ? 1 : metadata.ChunkShape[0];

    private static void CheckNotEmpty(ZarrMetadata metadata, string path)
    {
        if (metadata.Shape.Elements == 0)
        {
            throw new InvalidDataException($"'{path}' has no elements: its shape is {metadata.Shape}.");
        }
    }

    private void Check(string path)
    {
        if (!IsPlain && ChunkBytes > MaxChunkBytes)
        {
            throw new InvalidDataException(
                $"'{path}' cannot be opened: its chunks decode to {ChunkBytes:N0} bytes each, and {MaxChunkBytes:N0} are the most of which a " +
                "page can be had. Save it with smaller chunks.");
        }

        if (Metadata.Index is not null && (EntriesPerFile > MaxIndexBytes / EntryBytes))
        {
            throw new InvalidDataException(
                $"'{path}' cannot be opened: its shards have {EntriesPerFile:N0} chunks each, and {MaxIndexBytes / EntryBytes:N0} are the most " +
                "whose index is read. Save it with larger chunks, or smaller shards.");
        }
    }
}
