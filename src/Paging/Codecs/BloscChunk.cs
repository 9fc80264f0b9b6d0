using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>The chunk format of c-blosc 1, as Zarr's codec blosc has it: the same filters and codecs as in the pool, behind another
/// header.</summary>
/// <remarks>
/// <para>A header of 16 bytes: version, version of the codec, flags, length of an element; then, as 32-bit numbers, the length of the data,
/// of a block, of all of the chunk. Where each block begins follows, and the blocks. A block is one stream, or as many as an element has
/// bytes: a length, and so many bytes, which are the data itself where they are as long as it. Source: README_CHUNK_FORMAT.rst and blosc.c
/// of c-blosc.</para>
/// <para>Written are chunks whose blocks are not split, with LZ4 or Zstd. Read are those of every block size, split or not. Nothing in a
/// chunk is trusted.</para>
/// </remarks>
internal static unsafe class BloscChunk
{
    /// <summary>Bytes that a chunk has at most beside its data.</summary>
    internal const int HeaderBytes = 16;

    private const byte Version = 2;
    private const byte CodecVersion = 1;
    private const int MaxElementBytes = 255;
    private const int LengthBytes = sizeof(int);
    private const uint ZstdMagic = 0xFD2FB528;

    // Flags; the codec is in the three highest bits.
    private const byte Shuffled = 1;
    private const byte Copied = 2;
    private const byte BitShuffled = 4;
    private const byte NotSplit = 16;
    private const int CodecShift = 5;
    private const byte Lz4 = 1;
    private const byte Zstd = 4;

    /// <summary>The longest chunk that <see cref="Encode"/> makes of data of a length.</summary>
    internal static int MaxBytes(int length) => length + HeaderBytes;

    /// <summary>Encodes data. What does not shrink is copied.</summary>
    /// <param name="form">Codec, and a filter that blosc has; raw to copy.</param>
    /// <param name="elementBytes">The length of an element, which is noted where there is no filter.</param>
    /// <param name="level">The level of Zstd.</param>
    /// <param name="data">The data.</param>
    /// <param name="length">Its length: 1 or more.</param>
    /// <param name="target">Has room for <see cref="MaxBytes"/>.</param>
    /// <returns>The length of the chunk.</returns>
    internal static int Encode(StoredForm form, int elementBytes, int level, byte* data, int length, byte* target)
    {
        Debug.Assert(form.Filter.Kind <= FilterKind.BitShuffle && form.Filter.Stride <= MaxElementBytes, "a filter that blosc has");
        int element = form.Filter.Kind != FilterKind.None ? form.Filter.Stride : elementBytes is > 0 and <= MaxElementBytes ? elementBytes : 1;
        int block = BlockFor(form.Filter, length);
        int encoded = form.Codec == Codec.Raw || block == 0 ? -1 : TryEncodeBlocks(form, level, data, length, block, target);
        if (encoded < 0)
        {
            Unsafe.CopyBlockUnaligned(target + HeaderBytes, data, (uint)length);
            encoded = length + HeaderBytes;
            WriteHeader(target, (byte)(Copied | NotSplit | (CodecOf(form.Codec) << CodecShift)), element, length, length, encoded);
            return encoded;
        }

        byte filter = form.Filter.Kind switch
        {
            FilterKind.Shuffle => Shuffled,
            FilterKind.BitShuffle => BitShuffled,
            _ => 0,
        };
        WriteHeader(target, (byte)(filter | NotSplit | (CodecOf(form.Codec) << CodecShift)), element, length, block, encoded);
        return encoded;
    }

    /// <summary>Turns a chunk back into data. Whatever it holds, nothing is written outside the buffers.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="chunkBytes">Its length.</param>
    /// <param name="target">Receives the data.</param>
    /// <param name="length">Its length.</param>
    /// <param name="filtered">Room for as much, for what is behind a filter.</param>
    /// <param name="between">The same, for what is between two steps.</param>
    /// <returns>False when it is no chunk of so much data, or of a codec that is not known here.</returns>
    internal static bool TryDecode(byte* chunk, int chunkBytes, byte* target, int length, byte* filtered, byte* between)
    {
        if (chunkBytes < HeaderBytes
            || chunk[0] is 0 or > Version
            || Number(chunk + 4) != length
            || Number(chunk + 12) != chunkBytes)
        {
            return false;
        }

        byte flags = chunk[2];
        if ((flags & Copied) != 0)
        {
            if (chunkBytes - HeaderBytes != length)
            {
                return false;
            }

            Unsafe.CopyBlockUnaligned(target, chunk + HeaderBytes, (uint)length);
            return true;
        }

        int element = chunk[3];
        int block = Number(chunk + 8);
        Codec codec = (flags >> CodecShift) switch
        {
            Lz4 => Codec.Lz4,
            Zstd => Codec.Zstd,
            _ => Codec.Raw,
        };
        if (codec == Codec.Raw || element == 0 || block <= 0 || block > length)
        {
            return false;
        }

        int blocks = ((length - 1) / block) + 1;
        if (blocks > (chunkBytes - HeaderBytes) / LengthBytes)
        {
            return false;
        }

        for (int i = 0; i < blocks; i++)
        {
            int done = i * block;
            int bytes = Math.Min(block, length - done);
            int at = Number(chunk + HeaderBytes + (i * LengthBytes));
            int splits = (flags & NotSplit) != 0 || bytes < block ? 1 : element;
            Filter filter = FilterOf(flags, element, bytes);
            byte* to = filter.Kind == FilterKind.None ? target + done : filtered;
            if (at < 0 || at > chunkBytes || !TryDecodeBlock(codec, chunk, chunkBytes, at, to, bytes, splits))
            {
                return false;
            }

            if (filter.Kind != FilterKind.None)
            {
                PageFilters.Undo(filter, filtered, target + done, between, bytes);
            }
        }

        return true;
    }

    /// <summary>Decodes a frame of Zstd as its own tools write it, with the magic number.</summary>
    internal static bool TryDecodeZstd(byte* frame, int frameBytes, byte* target, int length) =>
        frameBytes > LengthBytes
        && (uint)Number(frame) == ZstdMagic
        && PageCodec.TryDecompress(Codec.Zstd, frame + LengthBytes, frameBytes - LengthBytes, target, length);

    /// <summary>The length of a block. Bits are shuffled only in blocks of eight elements or a multiple of that, and pieces that are filtered
    /// are to stay in the cache.</summary>
    /// <returns>0 where there are too few elements for the filter.</returns>
    private static int BlockFor(Filter filter, int length)
    {
        int unit = filter.Kind == FilterKind.BitShuffle ? 8 * filter.Stride : 1;
        return filter.Kind == FilterKind.None ? length
            : length > CodecScratch.BlockBytes ? PageCodec.BlockFor(filter)
            : length / unit * unit;
    }

    /// <summary>What a block of a chunk went through.</summary>
    private static Filter FilterOf(byte flags, int element, int bytes) =>
        (flags & BitShuffled) != 0 && bytes >= element
            ? bytes / element % 8 == 0 ? new Filter(FilterKind.BitShuffle, element, 1) : Filter.None
            : (flags & Shuffled) != 0 && element > 1 ? new Filter(FilterKind.Shuffle, element, 1) : Filter.None;

    private static int TryEncodeBlocks(StoredForm form, int level, byte* data, int length, int block, byte* target)
    {
        if (form.Filter.Kind == FilterKind.None)
        {
            return TryEncodeBlocks(form, level, data, length, block, target, null);
        }

        if (CodecScratch.Enter() is not { } scratch)
        {
            return -1;
        }

        try
        {
            return TryEncodeBlocks(form, level, data, length, block, target, scratch);
        }
        finally
        {
            CodecScratch.Exit();
        }
    }

    private static int TryEncodeBlocks(StoredForm form, int level, byte* data, int length, int block, byte* target, CodecScratch? scratch)
    {
        // Longer than a copy would be is no use.
        int limit = HeaderBytes + length - 1;
        int blocks = ((length - 1) / block) + 1;
        int written = HeaderBytes + (blocks * LengthBytes);
        for (int i = 0; i < blocks; i++)
        {
            int done = i * block;
            int bytes = Math.Min(block, length - done);
            int room = limit - written - LengthBytes;
            if (room <= 0)
            {
                return -1;
            }

            byte* from = data + done;
            if (scratch is not null && FilterOfBlock(form.Filter, bytes))
            {
                PageFilters.Apply(form.Filter, from, scratch.Filtered, scratch.Between, bytes);
                from = scratch.Filtered;
            }

            byte* stream = target + written + LengthBytes;
            int encoded = TryCompress(form.Codec, level, from, bytes, stream, Math.Min(room, bytes - 1));
            if (encoded < 0)
            {
                if (room < bytes)
                {
                    return -1;
                }

                Unsafe.CopyBlockUnaligned(stream, from, (uint)bytes);
                encoded = bytes;
            }

            Write(target + HeaderBytes + (i * LengthBytes), written);
            Write(stream - LengthBytes, encoded);
            written += LengthBytes + encoded;
        }

        return written;
    }

    /// <summary>Whether a block is filtered: the last one may have too few elements for its bits to be shuffled.</summary>
    private static bool FilterOfBlock(Filter filter, int bytes) =>
        filter.Kind == FilterKind.Shuffle || (bytes >= filter.Stride && bytes / filter.Stride % 8 == 0);

    private static int TryCompress(Codec codec, int level, byte* source, int length, byte* target, int limit)
    {
        int magic = codec == Codec.Zstd ? LengthBytes : 0;
        if (limit <= magic)
        {
            return -1;
        }

        // Frames in the pool have no magic number, and are the same in all else.
        int encoded = PageCodec.TryCompress(codec, level, source, length, target + magic, limit - magic);
        if (encoded < 0)
        {
            return -1;
        }

        if (magic != 0)
        {
            Write(target, unchecked((int)ZstdMagic));
        }

        return encoded + magic;
    }

    private static bool TryDecodeBlock(Codec codec, byte* chunk, int chunkBytes, int at, byte* target, int bytes, int splits)
    {
        if (bytes % splits != 0)
        {
            return false;
        }

        int part = bytes / splits;
        for (int i = 0; i < splits; i++)
        {
            if (chunkBytes - at < LengthBytes)
            {
                return false;
            }

            int encoded = Number(chunk + at);
            at += LengthBytes;
            if (encoded <= 0 || encoded > chunkBytes - at)
            {
                return false;
            }

            byte* to = target + (i * part);
            if (encoded == part)
            {
                Unsafe.CopyBlockUnaligned(to, chunk + at, (uint)part);
            }
            else if (!(codec == Codec.Zstd
                ? TryDecodeZstd(chunk + at, encoded, to, part)
                : PageCodec.TryDecompress(codec, chunk + at, encoded, to, part)))
            {
                return false;
            }

            at += encoded;
        }

        return true;
    }

    private static int CodecOf(Codec codec) => codec == Codec.Zstd ? Zstd : Lz4;

    private static void WriteHeader(byte* target, byte flags, int element, int length, int block, int encoded)
    {
        target[0] = Version;
        target[1] = CodecVersion;
        target[2] = flags;
        target[3] = (byte)element;
        Write(target + 4, length);
        Write(target + 8, block);
        Write(target + 12, encoded);
    }

    private static int Number(byte* at) => BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(at, LengthBytes));

    private static void Write(byte* at, int number) => BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(at, LengthBytes), number);
}
