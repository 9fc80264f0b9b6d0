using System.Diagnostics;
using Paging.Codecs;
using Paging.Interop;
using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>The chunks of a dataset as what backs an array.</summary>
/// <remarks>
/// <para>Where a page holds exactly one chunk, it is decoded from the file into its frame, and read ahead as pages of a mapped file are.
/// Elsewhere the chunks that a page needs are decoded beside it; the last one of them stays, since the next page may need it as
/// well.</para>
/// <para>A thread that waits for a device has buffers meanwhile; as many threads as there are buffers wait at the same time.</para>
/// </remarks>
internal sealed unsafe class DatasetBacking : PageBacking
{
    private const int MaxScratches = 16;

    /// <summary>Bytes of buffers that threads have at the same time, at most, unless two of them take more. A quarter of what frames may
    /// take, if that is less.</summary>
    private const long MaxScratchBytes = 256 << 20;

    /// <summary>Chunks that are looked up for a page before it is asked for.</summary>
    private const int MaxChunks = 64;

    /// <summary>Made before memory is short.</summary>
    private static readonly LoadFailure s_noMemory = new("of a dataset", Offset: 0) { Error = Errno.ENOMEM };

    private readonly DatasetLayout _layout;
    private readonly ShardTable _files;
    private readonly int _itemsPerPage;
    private readonly int _pageBytes;
    private readonly ContextPool<DatasetScratch> _scratches;

    /// <param name="files">The dataset's, of which this becomes a user in place of the caller.</param>
    /// <param name="layout">How items lie in it.</param>
    /// <param name="geometry">How they lie in pages.</param>
    /// <param name="domain">The pager's, which has a log for pages of this size.</param>
    internal DatasetBacking(ShardTable files, DatasetLayout layout, in Geometry geometry, PagingDomain domain)
        : base(files, geometry, domain)
    {
        _layout = layout;
        _files = files;
        _itemsPerPage = geometry.ItemsPerPage;
        _pageBytes = geometry.PageBytes;
        long most = Math.Min(MaxScratchBytes, domain.Options.ResidentBytes / 4);
        _scratches = new ContextPool<DatasetScratch>(
            static () => new DatasetScratch(),
            (int)Math.Clamp(most / (5 * layout.ChunkBytes), 2, Math.Max(MaxScratches, CodecContexts.Max)));
    }

    internal override LoadResult Load(long page, byte* frame, int bytes)
    {
        int hint = (TestHook.Interleaver?.Thread ?? Environment.CurrentManagedThreadId) % _scratches.Slots;
        DatasetScratch? scratch = _scratches.Take(ref hint);
        if (scratch is null)
        {
            return NoMemory();
        }

        try
        {
            return Load(page, frame, bytes, scratch);
        }
        finally
        {
            _scratches.GiveBack(hint);
        }
    }

    internal override bool TryLocate(long page, int bytes, out SourcePiece piece)
    {
        // The chunks that the page needs, if they lie together.
        piece = default;
        long item = page * _itemsPerPage;
        long first = item / _layout.ItemsPerChunk;
        long last = (item + (bytes / _layout.ItemBytes) - 1) / _layout.ItemsPerChunk;
        (long number, long chunk) = Math.DivRem(first, _layout.ChunksPerFile);
        if (last / _layout.ChunksPerFile != number || last - first >= MaxChunks || _files.TryGet(number) is not { } source)
        {
            // A file that nobody has needed yet is opened by who needs it: that may take long.
            return false;
        }

        if (source.File.IsDirect && TryFindRange((ShardFile)source.File, chunk, (int)(last - first) + 1, out long offset, out int length))
        {
            if (_layout.IsPlain && first == last)
            {
                offset += (item - (first * _layout.ItemsPerChunk)) * _layout.ItemBytes;
                length = bytes;
            }

            piece = Piece(source, offset, length);
            return true;
        }

        source.RemoveUser();
        return false;
    }

    internal override void Release()
    {
        base.Release();
        _scratches.Trim();
    }

    private static LoadResult NoMemory() => new(LoadStatus.SourceFailed) { Failure = s_noMemory };

    /// <summary>The bytes that neighbouring chunks lie in.</summary>
    /// <returns>False when they lie apart, or are not there, or are not where chunks can be.</returns>
    private bool TryFindRange(ShardFile file, long chunk, int count, out long offset, out int length)
    {
        long begin = long.MaxValue;
        long end = 0;
        for (int i = 0; i < count; i++)
        {
            ChunkPlace place = file.Find(chunk + i);
            if (!place.IsNone && IsWithin(place, file) && !IsTooLong(place))
            {
                begin = Math.Min(begin, place.Offset);
                end = Math.Max(end, place.Offset + place.Bytes);
            }
        }

        bool isOne = end > 0 && (end - begin <= SwapStore.SourceReadBytes || (_layout.IsPlain && count == 1));
        (offset, length) = isOne ? (begin, (int)(end - begin)) : default;
        return isOne;
    }

    /// <summary>Fills a frame chunk by chunk.</summary>
    private LoadResult Load(long page, byte* frame, int bytes, DatasetScratch scratch)
    {
        long item = page * _itemsPerPage;
        int left = bytes / _layout.ItemBytes;
        bool isFromFile = false;
        for (int done = 0; left > 0;)
        {
            (long chunk, long within) = Math.DivRem(item, _layout.ItemsPerChunk);
            int items = (int)Math.Min(_layout.ItemsPerChunk - within, left);
            LoadResult part = LoadPart(chunk, within, items, frame + done, _pageBytes - done, scratch);
            if (!part.IsLoaded)
            {
                return part;
            }

            isFromFile |= part.IsFromFile;
            item += items;
            left -= items;
            done += items * _layout.ItemBytes;
        }

        return Loaded(isFromFile);
    }

    /// <summary>Loads items of a chunk.</summary>
    /// <param name="chunk">Its number.</param>
    /// <param name="within">The first item, in the chunk.</param>
    /// <param name="items">How many.</param>
    /// <param name="target">Receives them.</param>
    /// <param name="room">Bytes there that may be written.</param>
    /// <param name="scratch">The caller's.</param>
    private LoadResult LoadPart(long chunk, long within, int items, byte* target, int room, DatasetScratch scratch)
    {
        if (scratch.DecodedChunk == chunk)
        {
            CopyItems(scratch.Decoded(_layout.ChunkBytes), within, items, target);
            return Loaded(isFromFile: true);
        }

        (long number, long inFile) = Math.DivRem(chunk, _layout.ChunksPerFile);
        if (_files.Get(number, out LoadResult failure) is not { } source)
        {
            Counters.Add(Counter.IoErrors);
            return failure;
        }

        try
        {
            var file = (ShardFile)source.File;
            ChunkPlace place = file.Find(inFile);
            if (place.IsNone)
            {
                Fill(target, items * _layout.ItemBytes);
                return Loaded(isFromFile: false);
            }

            if (!IsWithin(place, file))
            {
                return Damaged(file, place, $"chunk {inFile:N0}, of {place.Bytes:N0} bytes, is not within its {file.Bytes:N0} bytes");
            }

            if (IsTooLong(place))
            {
                return Damaged(
                    file,
                    place,
                    $"chunk {inFile:N0} takes {place.Bytes:N0} bytes, and one that decodes to {_layout.ChunkBytes:N0} takes " +
                    $"{ChunkDecoder.MaxBytes(_layout.ChunkBytes):N0} at most");
            }

            if (_layout.IsPlain)
            {
                return place.Bytes == _layout.ChunkBytes
                    ? LoadPlain(file, place.Offset + (within * _layout.ItemBytes), target, items * _layout.ItemBytes, scratch)
                    : Damaged(file, place, $"a chunk has {place.Bytes:N0} bytes, and {_layout.ChunkBytes:N0} are expected");
            }

            if (Reads.Find(file, place.Offset, place.Bytes) is { } read)
            {
                using FileReads.Use use = new(Reads, read);
                if (read.Await())
                {
                    TestHook.Reach(SharedWord.PageData);
                    byte* early = read.Buffer + (place.Offset - read.Offset);
                    return Decode(file, place, early, chunk, within, items, target, room, scratch) ?? Loaded(isFromFile: true);
                }
            }

            return Read(file, place.Offset, (int)place.Bytes, scratch, out byte* encoded)
                ?? Decode(file, place, encoded, chunk, within, items, target, room, scratch)
                ?? Loaded(isFromFile: true);
        }
        finally
        {
            source.RemoveUser();
        }
    }

    /// <summary>Reads a piece of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where from.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="scratch">Where to.</param>
    /// <param name="data">Where they are.</param>
    /// <returns>Null, or why they cannot be had.</returns>
    private LoadResult? Read(ShardFile file, long offset, int bytes, DatasetScratch scratch, out byte* data)
    {
        BlockRange range = SourcePiece.RangeOf(offset, bytes);
        byte* buffer = scratch.Encoded(range.Length);
        data = buffer + range.Skip;
        if (buffer == null)
        {
            return NoMemory();
        }

        TestHook.MayFail(FailurePoint.DeviceRead);
        int error = file.Read(range.Offset, buffer, range.Length, range.Skip + bytes);
        if (error == 0)
        {
            Counters.Add(Counter.BytesRead, range.Length);
            return null;
        }

        return Failed(file, offset, bytes, error);
    }

    /// <summary>Decodes the chunk of a page into its frame.</summary>
    /// <returns>Null, or what is wrong.</returns>
    private LoadResult? Decode(ShardFile file, ChunkPlace place, byte* encoded, byte* frame, DatasetScratch scratch) =>
        ChunkDecoder.TryDecode(_layout.Metadata.Coding, encoded, (int)place.Bytes, frame, (int)_layout.ChunkBytes, scratch) is { } wrong
            ? Damaged(file, place, wrong)
            : null;

    private LoadResult? Decode(
        ShardFile file, ChunkPlace place, byte* encoded, long chunk, long within, int items, byte* target, int room, DatasetScratch scratch)
    {
        if (within == 0 && room >= _layout.ChunkBytes && _layout.ChunkItemBytes == _layout.ItemBytes)
        {
            return Decode(file, place, encoded, target, scratch);
        }

        byte* decoded = scratch.Decoded(_layout.ChunkBytes);
        scratch.DecodedChunk = -1;
        if (decoded == null)
        {
            return NoMemory();
        }

        if (Decode(file, place, encoded, decoded, scratch) is { } wrong)
        {
            return wrong;
        }

        scratch.DecodedChunk = chunk;
        CopyItems(decoded, within, items, target);
        return null;
    }

    private void CopyItems(byte* decoded, long within, int items, byte* target)
    {
        int item = _layout.ItemBytes;
        byte* from = decoded + (within * _layout.ChunkItemBytes);
        if (_layout.ChunkItemBytes == item)
        {
            Buffer.MemoryCopy(from, target, (long)items * item, (long)items * item);
            return;
        }

        for (int i = 0; i < items; i++)
        {
            Buffer.MemoryCopy(from + (i * _layout.ChunkItemBytes), target + ((long)i * item), item, item);
        }
    }

    /// <summary>Loads bytes that are as they are in the file.</summary>
    private LoadResult LoadPlain(ShardFile file, long offset, byte* target, int bytes, DatasetScratch scratch)
    {
        if (Reads.Find(file, offset, bytes) is { } read)
        {
            using FileReads.Use use = new(Reads, read);
            if (read.Await())
            {
                return Copied(read.Buffer + (offset - read.Offset), target, bytes);
            }
        }

        return Read(file, offset, bytes, scratch, out byte* data) ?? Copied(data, target, bytes);
    }

    private static LoadResult Copied(byte* from, byte* target, int bytes)
    {
        TestHook.Reach(SharedWord.PageData);
        Buffer.MemoryCopy(from, target, bytes, bytes);
        return Loaded(isFromFile: true);
    }

    /// <summary>Elements that are in no chunk.</summary>
    private void Fill(byte* target, int bytes)
    {
        byte[] fill = _layout.Metadata.Fill;
        var all = new Span<byte>(target, bytes);
        if (fill.AsSpan().IndexOfAnyExcept((byte)0) < 0)
        {
            all.Clear();
            return;
        }

        Debug.Assert(bytes % fill.Length == 0, "whole elements");
        fill.CopyTo(all);
        for (int done = fill.Length; done < bytes; done *= 2)
        {
            all[..Math.Min(done, bytes - done)].CopyTo(all[done..]);
        }
    }

    private bool IsTooLong(ChunkPlace place) => !_layout.IsPlain && place.Bytes > ChunkDecoder.MaxBytes(_layout.ChunkBytes);

    private static bool IsWithin(ChunkPlace place, ShardFile file) =>
        place.Bytes > 0 && place.Bytes <= file.Bytes && place.Offset <= file.Bytes - place.Bytes;

    private static LoadResult Damaged(ShardFile file, ChunkPlace place, string detail) =>
        new(LoadStatus.SourceDamaged)
        {
            Failure = new LoadFailure(file.Path, place.Offset) { Detail = $"the chunk at offset {place.Offset:N0}: {detail}" },
        };
}
