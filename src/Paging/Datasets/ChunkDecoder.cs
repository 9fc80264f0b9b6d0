using System.Buffers.Binary;
using Paging.Codecs;
using Paging.Formats;

namespace Paging.Datasets;

/// <summary>Turns the bytes of a chunk in its file into elements. Nothing in them is trusted.</summary>
internal static unsafe class ChunkDecoder
{
    /// <summary>The most bytes that a chunk can reasonably take in its file: what is longer was not encoded, but damaged.</summary>
    internal static long MaxBytes(long chunkBytes) => chunkBytes + (chunkBytes / 8) + (64 << 10);

    /// <summary>Decodes a chunk.</summary>
    /// <param name="coding">What it went through.</param>
    /// <param name="encoded">Its bytes.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="target">Receives what it decodes to.</param>
    /// <param name="length">How much that is.</param>
    /// <param name="scratch">The caller's.</param>
    /// <returns>Null, or what is wrong with it as the end of a sentence.</returns>
    internal static string? TryDecode(ZarrCoding coding, byte* encoded, int bytes, byte* target, int length, DatasetScratch scratch)
    {
        if (coding.HasChecksum)
        {
            bytes -= Crc32C.Bytes;
            if (bytes < 0)
            {
                return "it is too short for its checksum";
            }

            var data = new ReadOnlySpan<byte>(encoded, bytes);
            if (Crc32C.Of(data) != BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(encoded + bytes, Crc32C.Bytes)))
            {
                return "it fails its checksum";
            }
        }

        switch (coding.Compressor)
        {
            case ZarrCompressor.None:
                if (bytes != length)
                {
                    return $"it has {bytes:N0} bytes, and {length:N0} are expected";
                }

                new ReadOnlySpan<byte>(encoded, bytes).CopyTo(new Span<byte>(target, length));
                return null;
            case ZarrCompressor.Zstd:
                return BloscChunk.TryDecodeZstd(encoded, bytes, target, length) ? null : $"it is no frame of Zstd of {length:N0} bytes";
            default:
                byte* filters = scratch.Filters(length);
                return filters == null ? "there is no memory to decode it"
                    : BloscChunk.TryDecode(encoded, bytes, target, length, filters, filters + length) ? null
                    : $"it is no chunk of blosc of {length:N0} bytes, compressed with LZ4 or Zstd";
        }
    }
}
