using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;
using Paging.Codecs.Filters;
using Paging.TestSeam;

namespace Paging.Codecs;

/// <summary>Pages into bytes and back, on native memory. On any thread; without state, except for scratch that is taken for one page;
/// without managed allocations.</summary>
/// <remarks>A filtered page longer than <see cref="CodecScratch.BlockBytes"/> is cut into blocks of whole elements. Each block is filtered
/// and encoded by itself, with its length in front. So scratch memory stays small, and what a filter has just written is still in the
/// cache.</remarks>
internal static unsafe class PageCodec
{
    private const int PrefixBytes = sizeof(uint);
    private const uint RawBlock = 1u << 31;

    /// <summary>A page that does not shrink by a sixteenth is stored raw: a fault of it then only copies.</summary>
    internal static int MaxEncoded(int pageLength) => pageLength - (pageLength >> 4);

    /// <summary>Filters and compresses a page.</summary>
    /// <param name="form">Codec and filter; not raw.</param>
    /// <param name="level">The level of Zstd.</param>
    /// <param name="page">The page.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">Receives at most <paramref name="limit"/> bytes.</param>
    /// <param name="limit">How long the encoding may be.</param>
    /// <returns>The encoded length, or −1 when it would exceed <paramref name="limit"/>.</returns>
    internal static int TryEncode(StoredForm form, int level, byte* page, int length, byte* target, int limit)
    {
        if (form.Filter.Kind == FilterKind.None)
        {
            return TryCompress(form.Codec, level, page, length, target, limit);
        }

        CodecScratch? scratch = CodecScratch.Enter();
        if (scratch is null)
        {
            return -1;
        }

        try
        {
            return TryEncodeFiltered(form, level, page, length, target, limit, scratch);
        }
        finally
        {
            CodecScratch.Exit();
        }
    }

    private static int TryEncodeFiltered(StoredForm form, int level, byte* page, int length, byte* target, int limit, CodecScratch scratch)
    {
        if (length <= CodecScratch.BlockBytes)
        {
            PageFilters.Apply(form.Filter, page, scratch.Filtered, scratch.Between, length);
            return TryCompress(form.Codec, level, scratch.Filtered, length, target, limit);
        }

        int block = BlockFor(form.Filter);
        int written = 0;
        for (int done = 0; done < length; done += block)
        {
            int bytes = Math.Min(block, length - done);
            if (limit - written <= PrefixBytes)
            {
                return -1;
            }

            PageFilters.Apply(form.Filter, page + done, scratch.Filtered, scratch.Between, bytes);
            byte* body = target + written + PrefixBytes;
            int room = limit - written - PrefixBytes;
            int encoded = TryCompress(form.Codec, level, scratch.Filtered, bytes, body, Math.Min(room, bytes - 1));
            uint prefix = (uint)encoded;
            if (encoded < 0)
            {
                if (room < bytes)
                {
                    return -1;
                }

                Unsafe.CopyBlockUnaligned(body, page + done, (uint)bytes);
                encoded = bytes;
                prefix = (uint)bytes | RawBlock;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(body - PrefixBytes, PrefixBytes), prefix);
            written += PrefixBytes + encoded;
        }

        return written;
    }

    /// <summary>Turns stored bytes back into a page. Whatever they are, nothing is written outside the page.</summary>
    /// <returns>False when they are not the encoding of a page of exactly this length.</returns>
    internal static bool TryDecode(StoredForm form, byte* source, int encodedLength, byte* page, int length)
    {
        if (form.Codec == Codec.Raw)
        {
            if (encodedLength != length)
            {
                return false;
            }

            Unsafe.CopyBlockUnaligned(page, source, (uint)length);
            return true;
        }

        if (form.Filter.Kind == FilterKind.None)
        {
            return TryDecompress(form.Codec, source, encodedLength, page, length);
        }

        return form.IsValid && TryDecodeFiltered(form, source, encodedLength, page, length);
    }

    /// <summary>XXH3 of the encoded bytes, bound to the id and the lengths, so that the wrong entry fails to be read just as a damaged one
    /// does.</summary>
    internal static ulong Checksum(ReadOnlySpan<byte> encoded, ulong id, uint lengthAndCodec, uint pageLengthAndStride)
    {
        // Mixed in after hashing, not used as the seed: it binds just as well, and no secret has to be derived from each seed.
        ulong salt = (id ^ (((ulong)pageLengthAndStride << 32) | lengthAndCodec)) * 0x9E3779B185EBCA87;
        return XxHash3.HashToUInt64(encoded) ^ salt ^ (salt >> 29);
    }

    /// <summary>The length of a block: a multiple of eight whole elements, so that a bit shuffle leaves none over.</summary>
    internal static int BlockFor(Filter filter) => CodecScratch.BlockBytes / (8 * filter.Stride) * (8 * filter.Stride);

    private static bool TryDecodeFiltered(StoredForm form, byte* source, int encodedLength, byte* page, int length)
    {
        if (CodecScratch.Enter() is { } scratch)
        {
            try
            {
                return TryDecodeFiltered(form, source, encodedLength, page, length, scratch);
            }
            finally
            {
                CodecScratch.Exit();
            }
        }

        if (!CodecScratch.Reserve.Exists)
        {
            // Then nothing was ever filtered.
            return false;
        }

        CodecScratch shared = CodecScratch.Reserve.Take();
        try
        {
            return TryDecodeFiltered(form, source, encodedLength, page, length, shared);
        }
        finally
        {
            CodecScratch.Reserve.GiveBack();
        }
    }

    private static bool TryDecodeFiltered(StoredForm form, byte* source, int encodedLength, byte* page, int length, CodecScratch scratch)
    {
        if (length <= CodecScratch.BlockBytes)
        {
            if (!TryDecompress(form.Codec, source, encodedLength, scratch.Filtered, length))
            {
                return false;
            }

            PageFilters.Undo(form.Filter, scratch.Filtered, page, scratch.Between, length);
            return true;
        }

        int block = BlockFor(form.Filter);
        int read = 0;
        for (int done = 0; done < length; done += block)
        {
            int bytes = Math.Min(block, length - done);
            if (encodedLength - read < PrefixBytes)
            {
                return false;
            }

            uint prefix = BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(source + read, PrefixBytes));
            read += PrefixBytes;
            uint encoded = prefix & ~RawBlock;
            if (encoded > (uint)(encodedLength - read))
            {
                return false;
            }

            if ((prefix & RawBlock) != 0)
            {
                if (encoded != (uint)bytes)
                {
                    return false;
                }

                Unsafe.CopyBlockUnaligned(page + done, source + read, encoded);
            }
            else if (TryDecompress(form.Codec, source + read, (int)encoded, scratch.Filtered, bytes))
            {
                PageFilters.Undo(form.Filter, scratch.Filtered, page + done, scratch.Between, bytes);
            }
            else
            {
                return false;
            }

            read += (int)encoded;
        }

        return read == encodedLength;
    }

    /// <summary>Compresses bytes, without a filter.</summary>
    /// <returns>The encoded length, or −1 when it would exceed the limit.</returns>
    internal static int TryCompress(Codec codec, int level, byte* source, int length, byte* target, int limit)
    {
        if (limit <= 0)
        {
            return -1;
        }

        TestHook.MayFail(FailurePoint.Codec);
        int encoded = codec == Codec.Zstd
            ? ZstdCodec.TryEncode(source, length, target, limit, level)
            : LZ4Codec.Encode(source, length, target, limit, LZ4Level.L00_FAST);
        return encoded <= 0 ? -1 : encoded;
    }

    /// <summary>The inverse of <see cref="TryCompress"/>.</summary>
    /// <returns>False unless the bytes decode to exactly this length.</returns>
    internal static bool TryDecompress(Codec codec, byte* source, int encodedLength, byte* target, int length)
    {
        TestHook.MayFail(FailurePoint.Codec);
        return codec switch
        {
            Codec.Lz4 => LZ4Codec.Decode(source, encodedLength, target, length) == length,
            Codec.Zstd => ZstdCodec.TryDecode(source, encodedLength, target, length),
            _ => false,
        };
    }
}
