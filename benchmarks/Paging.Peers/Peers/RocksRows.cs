using System.Buffers.Binary;
using Paging.Peers.Data;
using Paging.Peers.Workloads;
using RocksDbSharp;

namespace Paging.Peers.Peers;

/// <summary>The three ways to set RocksDB up for this that its documentation speaks of.</summary>
internal enum RocksKind
{
    /// <summary>LZ4 blocks, all memory to the block cache, reads past the page cache.</summary>
    Lz4Direct,

    /// <summary>The same with Zstd.</summary>
    ZstdDirect,

    /// <summary>LZ4, a third of the memory to the block cache, the rest to the page cache, which then holds compressed blocks.</summary>
    Lz4Buffered,
}

/// <summary>RocksDB: rows under big-endian numbers, compacted after loading.</summary>
internal sealed class RocksRows : IRowWriter, IAssetReader
{
    private const int KeyBytes = sizeof(long);
    private const int MostKeys = 256;
    private const int SideBySide = 8; // MultiGet in the package reads one block after the other: it is built without io_uring
    private const ulong WriteBufferBytes = 4 << 20;
    private static readonly ParallelOptions s_threads = new() { MaxDegreeOfParallelism = SideBySide };
    private readonly RocksDb _database;
    private readonly RocksKind _kind;
    private readonly ulong _cacheBytes;
    private readonly WriteOptions _noLog = new WriteOptions().DisableWal(1);
    private readonly ReadOptions _run = new ReadOptions().SetReadaheadSize(1 << 20);
    private readonly ReadOptions _cached = new ReadOptions().SetReadTier(1); // kBlockCacheTier
    private readonly byte[][][] _keys = [.. Enumerable.Range(0, SideBySide)
        .Select(_ => (byte[][])[.. Enumerable.Range(0, MostKeys / SideBySide).Select(_ => new byte[KeyBytes])])];

    public RocksRows(PeerContext context, RocksKind kind)
    {
        _kind = kind;

        // What is left of the memory is for memtables, its own structures, and what malloc loses.
        long cache = kind == RocksKind.Lz4Buffered ? context.MemoryBytes / 3 : context.MemoryBytes * 15 / 16 - (long)(2 * WriteBufferBytes);
        if (cache <= 0)
        {
            throw new ArgumentException($"{context.MemoryBytes >> 20:n0} MiB are less than its memtables take.", nameof(context));
        }

        ThreadPool.SetMinThreads(SideBySide, SideBySide);
        _cacheBytes = (ulong)cache;
        BlockBasedTableOptions table = new BlockBasedTableOptions()
            .SetBlockSize(4096)
            .SetBlockCache(Cache.CreateLru(_cacheBytes))
            .SetFormatVersion(5)
            .SetCacheIndexAndFilterBlocks(true)
            .SetPinL0FilterAndIndexBlocksInCache(true);
        DbOptions options = new DbOptions()
            .SetCreateIfMissing(true)
            .SetWriteBufferSize(WriteBufferBytes)
            .SetMaxWriteBufferNumber(2)
            .SetCompression(kind == RocksKind.ZstdDirect ? Compression.Zstd : Compression.Lz4)
            .SetUseDirectReads(kind != RocksKind.Lz4Buffered)
            .SetUseDirectIoForFlushAndCompaction(kind != RocksKind.Lz4Buffered)
            .SetOptimizeFiltersForHits(1)
            .SetBlockBasedTableFactory(table);
        _database = RocksDb.Open(options, context.PathOf("db"));
        context.Once("db", () => Load(context.RowFile));
    }

    public string Settings =>
        $"{(_kind == RocksKind.ZstdDirect ? "Zstd" : "LZ4")} blocks of 4 KiB, LRU block cache {_cacheBytes >> 20} MiB with index blocks in it, "
        + (_kind == RocksKind.Lz4Buffered ? "the rest is the page cache with compressed blocks" : "direct reads and compactions")
        + ", 2 memtables of 4 MiB, no write-ahead log, compacted after loading; "
        + $"MultiGet by {SideBySide} threads for many, iterators that read 1 MiB ahead for assets, and a thread that runs them ahead";

    public void Read(long row, Span<byte> destination)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        BinaryPrimitives.WriteInt64BigEndian(key, row);
        if (!_database.GetFixedSizeValue(key, destination[..Row.Bytes]))
        {
            throw new DataMismatchException($"RocksDB has no row {row:n0}.");
        }
    }

    /// <summary>Each of some threads gets a part of the rows, so that the disk has several reads to do at once.</summary>
    public unsafe void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        fixed (long* from = rows)
        fixed (byte* to = destination[..(rows.Length * Row.Bytes)])
        {
            (nint From, nint To) at = ((nint)from, (nint)to);
            for (int first = 0; first < rows.Length; first += MostKeys)
            {
                (int start, int count) = (first, Math.Min(rows.Length - first, MostKeys));
                int each = (count + SideBySide - 1) / SideBySide;
                Parallel.For(0, (count + each - 1) / each, s_threads, part =>
                {
                    int mine = part * each;
                    int its = Math.Min(count - mine, each);
                    GatherPart(
                        new((long*)at.From + start + mine, its),
                        new((byte*)at.To + ((long)(start + mine) * Row.Bytes), its * Row.Bytes),
                        _keys[part]);
                });
            }
        }
    }

    public void ReadRun(long first, int rows, Span<byte> destination)
    {
        if (!TryIterate(first, rows, destination, _run))
        {
            throw new DataMismatchException($"RocksDB has not all of the rows {first:n0} to {first + rows - 1:n0}.");
        }
    }

    /// <summary>Of the block cache only: what the page cache holds it cannot tell.</summary>
    public bool TryReadRun(long first, int rows, Span<byte> destination) => TryIterate(first, rows, destination, _cached);

    /// <summary>Copies to nowhere: its blocks are in the cache then.</summary>
    public void Ahead(long first, int rows) => ReadRun(first, rows, default);

    public void Write(long row, ReadOnlySpan<byte> contents)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        BinaryPrimitives.WriteInt64BigEndian(key, row);
        _database.Put(key, contents, null, _noLog);
    }

    public void Warm()
    {
        using Iterator all = _database.NewIterator(null, new ReadOptions().SetReadaheadSize(1 << 20).SetFillCache(true));
        for (all.SeekToFirst(); all.Valid(); all.Next())
        {
            _ = all.GetValueSpan().Length;
        }
    }

    public void Dispose() => _database.Dispose();

    private void GatherPart(ReadOnlySpan<long> rows, Span<byte> destination, byte[][] keys)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(keys[i], rows[i]);
        }

        KeyValuePair<byte[], byte[]>[] found = _database.MultiGet(rows.Length == keys.Length ? keys : keys[..rows.Length]);
        for (int i = 0; i < rows.Length; i++)
        {
            found[i].Value.CopyTo(destination[(i * Row.Bytes)..]);
        }
    }

    private bool TryIterate(long first, int rows, Span<byte> destination, ReadOptions options)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        BinaryPrimitives.WriteInt64BigEndian(key, first);
        using Iterator run = _database.NewIterator(null, options);
        run.Seek(key);
        for (int i = 0; i < rows; i++)
        {
            if (!run.Valid())
            {
                return false;
            }

            if (!destination.IsEmpty)
            {
                run.GetValueSpan().CopyTo(destination[(i * Row.Bytes)..]);
            }

            run.Next();
        }

        return true;
    }

    private void Load(string path)
    {
        RowFile.ForEach(path, (first, rows) =>
        {
            for (int i = 0; i < rows.Length; i += Row.Bytes)
            {
                Write(first + (i / Row.Bytes), rows.Span.Slice(i, Row.Bytes));
            }
        });
        _database.Flush(new FlushOptions());
        _database.CompactRange((byte[]?)null, null);
    }
}
