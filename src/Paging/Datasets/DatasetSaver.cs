using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Formats;
using Paging.Memory;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>Writes a dataset, by threads for all processors. The calling thread is one of them.</summary>
/// <remarks>A thread takes a run of neighbouring chunks, encodes them one behind another, and writes what it has when it is a mebibyte or the
/// run ends. Threads are at work on the same shard, or on two while one comes to its end; so no more than a few are open, whatever there is
/// to be written.</remarks>
internal sealed unsafe class DatasetSaver
{
    /// <summary>Written at once, about.</summary>
    private const int PieceBytes = 1 << 20;

    /// <summary>The most bytes of a run, before they are encoded.</summary>
    private const long MaxRunBytes = 8 << 20;

    /// <summary>Runs for each thread, at least, so that all end at about the same time.</summary>
    private const int RunsPerThread = 8;

    /// <summary>Entries of the index of a shard, at most: as many as are read.</summary>
    private const long MaxChunksPerShard = 4 << 20;

    private readonly DatasetItems _items;
    private readonly DatasetTarget _target;
    private readonly ChunkEncoder _encoder;
    private readonly IProgress<double>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly int _itemsPerChunk;
    private readonly int _chunksPerShard;
    private readonly int _chunksPerRun;
    private readonly long _chunks;
    private readonly long _runsPerShard;
    private readonly long _runs;
    private readonly Gate _gate = new();

    /// <summary>Those that threads are at work on, by number. Under the gate.</summary>
    private readonly Dictionary<long, ShardWriter> _shards = [];

    /// <summary>Runs that have been taken. Advanced by who takes one.</summary>
    private long _taken;

    /// <summary>Chunks that are done with.</summary>
    private long _done;

    /// <summary>What ended it early: the first exception of any thread.</summary>
    private ExceptionDispatchInfo? _failure;

    private DatasetSaver(
        DatasetItems items, DatasetTarget target, DatasetOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        _items = items;
        _target = target;
        _progress = progress;
        _cancellation = cancellation;
        _encoder = new ChunkEncoder(options.Compression, items.Element.Bytes, items.Filter);
        _itemsPerChunk = ItemsPerChunk(items, options);
        _chunks = ((items.Count - 1) / _itemsPerChunk) + 1;
        _chunksPerShard = (int)Math.Min(_chunks, Math.Max(1, options.ShardBytes / ((long)_itemsPerChunk * items.ItemBytes)));
        long run = Math.Min(MaxRunBytes, items.Count / (Threads * RunsPerThread) * items.ItemBytes);
        _chunksPerRun = (int)Math.Clamp(run / ((long)_itemsPerChunk * items.ItemBytes), 1, _chunksPerShard);
        _runsPerShard = ((_chunksPerShard - 1) / _chunksPerRun) + 1;
        _runs = ((_chunks - 1) / _chunksPerShard * _runsPerShard) + (((_chunks - 1) % _chunksPerShard) / _chunksPerRun) + 1;
    }

    /// <summary>Half as many more than processors, since some wait for the disk.</summary>
    private static int Threads => Environment.ProcessorCount + ((Environment.ProcessorCount + 1) / 2);

    private int ChunkBytes => _itemsPerChunk * _items.ItemBytes;

    /// <summary>Saves a dataset.</summary>
    /// <param name="items">What is in it.</param>
    /// <param name="path">The name that it is to have.</param>
    /// <param name="options">How it is written.</param>
    /// <param name="progress">Told the share that is done, by the calling thread: 0 before anything is written, 1 when all is complete.</param>
    /// <param name="cancellation">Ends it. Then nothing is kept.</param>
    internal static void Save(
        DatasetItems items, string path, DatasetOptions options, IProgress<double>? progress, CancellationToken cancellation)
    {
        Check(items, options);
        cancellation.ThrowIfCancellationRequested();
        using var target = new DatasetTarget(path, options.Overwrite);
        progress?.Report(0);
        ShardWriter.MakeDirectory(Path.Combine(target.Location, "c"), Path.Combine(target.Name, "c"));
        new DatasetSaver(items, target, options, progress, cancellation).Run();
        progress?.Report(1);
    }

    private static void Check(DatasetItems items, DatasetOptions options)
    {
        if (options.Compression is < CompressionGoal.None or > CompressionGoal.Ratio)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.Compression, $"Compression = {(int)options.Compression} is not a CompressionGoal.");
        }

        if (options.ChunkBytes is { } bytes && (bytes < items.ItemBytes || bytes > FramePool.MaxPageBytes))
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                bytes,
                $"ChunkBytes = {bytes:N0} is not from {items.ItemBytes:N0}, which one element or row takes, to {FramePool.MaxPageBytes:N0}.");
        }

        long chunk = (long)ItemsPerChunk(items, options) * items.ItemBytes;
        long chunks = Math.Min(options.ShardBytes / chunk, ((items.Count - 1) / ItemsPerChunk(items, options)) + 1);
        if (options.ShardBytes < 1 || chunks > MaxChunksPerShard)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.ShardBytes,
                $"ShardBytes = {options.ShardBytes:N0} is not from 1 to {MaxChunksPerShard * chunk:N0}: a shard has {MaxChunksPerShard:N0} " +
                $"chunks at most, of {chunk:N0} bytes here.");
        }
    }

    private static int ItemsPerChunk(DatasetItems items, DatasetOptions options) =>
        (int)Math.Min(items.Count, options.ChunkBytes is { } bytes ? bytes / items.ItemBytes : items.ItemsPerPage);

    private void Run()
    {
        try
        {
            WorkTogether();
            _failure?.Throw();
            WriteMetadata();
            _cancellation.ThrowIfCancellationRequested();
            _target.Complete();
        }
        finally
        {
            foreach (ShardWriter shard in _shards.Values)
            {
                shard.Dispose();
            }
        }
    }

    /// <summary>Returns when no thread is at work any more, whatever has happened.</summary>
    private void WorkTogether()
    {
        var helpers = new List<Thread>(Threads);
        try
        {
            StartHelpers(helpers);
            Work(isCaller: true);
        }
        catch (Exception e)
        {
            NoteFailure(e);
        }
        finally
        {
            foreach (Thread helper in helpers)
            {
                Uninterrupted.Join(helper);
            }
        }
    }

    private void StartHelpers(List<Thread> helpers)
    {
        for (int i = 1; i < Math.Min(Threads, _runs); i++)
        {
            try
            {
                helpers.Add(Threading.Threads.Start(() => Work(isCaller: false), "Paging save", "to save a dataset faster takes several"));
            }
            catch (InsufficientMemoryException)
            {
                // Then by those that there are.
                break;
            }
        }
    }

    /// <summary>Null → the first one.</summary>
    private void NoteFailure(Exception e) => Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);

    /// <summary>Does runs until there are none left, or one has failed. Does not throw.</summary>
    private void Work(bool isCaller)
    {
        try
        {
            using var buffers = new Buffers(ChunkBytes);
            while (Volatile.Read(ref _failure) is null && Interlocked.Increment(ref _taken) - 1 is var run && run < _runs)
            {
                DoRun(run, buffers);
                if (isCaller)
                {
                    _progress?.Report((double)Volatile.Read(ref _done) / _chunks);
                }
            }
        }
        catch (Exception e)
        {
            NoteFailure(e);
        }
    }

    private void DoRun(long run, Buffers buffers)
    {
        _cancellation.ThrowIfCancellationRequested();
        (long number, long part) = Math.DivRem(run, _runsPerShard);
        long first = (number * _chunksPerShard) + (part * _chunksPerRun);
        int inShard = (int)Math.Min(_chunksPerShard, _chunks - (number * _chunksPerShard));
        int begin = (int)(part * _chunksPerRun);
        int count = Math.Min(_chunksPerRun, inShard - begin);
        ShardWriter shard = ShardOf(number);

        // Of an array of which little was touched, runs are passed over as a whole.
        long firstItem = first * _itemsPerChunk;
        bool isEmpty = _items.AreZeroes(firstItem, Math.Min((long)count * _itemsPerChunk, _items.Count - firstItem));
        for (int i = 0; i < count && !isEmpty; i++)
        {
            _cancellation.ThrowIfCancellationRequested();
            if (Volatile.Read(ref _failure) is not null)
            {
                return;
            }

            if (TryEncode(first + i, buffers, out int bytes))
            {
                buffers.Places.Add((begin + i, bytes));
                if (buffers.Used >= PieceBytes)
                {
                    Write(shard, buffers);
                }
            }
        }

        Write(shard, buffers);
        if (shard.NoteDone(count))
        {
            shard.Complete();
            using Gate.Scope held = _gate.Enter();
            _shards.Remove(number);
        }

        Interlocked.Add(ref _done, count);
    }

    private static void Write(ShardWriter shard, Buffers buffers)
    {
        if (buffers.Places.Count != 0)
        {
            shard.Write(buffers.Encoded, buffers.Used, CollectionsMarshal.AsSpan(buffers.Places));
            buffers.Places.Clear();
            buffers.Used = 0;
        }
    }

    /// <summary>Encodes a chunk behind those before it.</summary>
    /// <returns>False when it is all zeroes, which is what a chunk holds that is not there.</returns>
    private bool TryEncode(long chunk, Buffers buffers, out int bytes)
    {
        bytes = 0;
        long first = chunk * _itemsPerChunk;
        int items = (int)Math.Min(_itemsPerChunk, _items.Count - first);
        if (_items.AreZeroes(first, items))
        {
            return false;
        }

        int filled = items * _items.ItemBytes;
        _items.Copy(first, items, buffers.Chunk);
        var data = new Span<byte>(buffers.Chunk, ChunkBytes);
        data[filled..].Clear();
        if (data[..filled].IndexOfAnyExcept((byte)0) < 0)
        {
            return false;
        }

        byte* target = buffers.Encoded + buffers.Used;
        bytes = _encoder.Encode(buffers.Chunk, ChunkBytes, target);
        uint checksum = Crc32C.Of(new ReadOnlySpan<byte>(target, bytes));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(target + bytes, Crc32C.Bytes), checksum);
        bytes += Crc32C.Bytes;
        buffers.Used += bytes;
        return true;
    }

    private ShardWriter ShardOf(long number)
    {
        using Gate.Scope held = _gate.Enter();
        if (!_shards.TryGetValue(number, out ShardWriter? shard))
        {
            int chunks = (int)Math.Min(_chunksPerShard, _chunks - (number * _chunksPerShard));
            string name = Path.Combine("c", FormattableString.Invariant($"{number}"));
            for (int i = 1; i < _items.Shape.Length; i++)
            {
                name = Path.Combine(name, "0");
            }

            // The index has an entry for every chunk that a shard has room for.
            shard = new ShardWriter(Path.Combine(_target.Location, name), Path.Combine(_target.Name, name), _chunksPerShard, chunks);
            _shards.Add(number, shard);
        }

        return shard;
    }

    private void WriteMetadata()
    {
        Filter filter = _encoder.Current;
        byte[] json = ZarrWriter.Write(new ZarrWriter.Description(
            _items.Shape,
            (long)_chunksPerShard * _itemsPerChunk,
            _itemsPerChunk,
            _items.Element,
            _encoder.Codec switch { Codec.Raw => null, Codec.Lz4 => "lz4", _ => "zstd" },
            _encoder.Level,
            filter.Kind switch { FilterKind.Shuffle => "shuffle", FilterKind.BitShuffle => "bitshuffle", _ => "noshuffle" }));
        try
        {
            using FileStream file = File.Create(Path.Combine(_target.Location, ZarrMetadata.FileName));
            file.Write(json);
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DatasetErrors.Of(Path.Combine(_target.Name, ZarrMetadata.FileName), e);
        }
    }

    /// <summary>A thread's: a chunk, and those that are encoded and not yet written.</summary>
    private sealed class Buffers(int chunkBytes) : IDisposable
    {
        private readonly CodecMemory _memory =
            CodecMemory.TryTake(
                (nuint)Align(chunkBytes) + (nuint)Align(PieceBytes + ChunkEncoder.MaxBytes(chunkBytes) + Crc32C.Bytes) + ShardWriter.Block,
                zeroed: false)
            ?? throw new InsufficientMemoryException("There is no memory for the buffers that a dataset is saved with: a few mebibytes.");

        internal byte* Chunk => (byte*)(((nint)_memory.Address + ShardWriter.Block - 1) & -ShardWriter.Block);

        internal byte* Encoded => Chunk + Align(chunkBytes);

        /// <summary>Bytes that are encoded.</summary>
        internal int Used { get; set; }

        /// <summary>Of each chunk that is encoded: its number in the shard, and its length.</summary>
        internal List<(int Chunk, int Bytes)> Places { get; } = [];

        public void Dispose() => _memory.Dispose();

        private static int Align(int bytes) => (bytes + ShardWriter.Block - 1) & -ShardWriter.Block;
    }
}
