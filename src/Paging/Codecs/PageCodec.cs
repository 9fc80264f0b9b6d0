using System.IO.Hashing;
using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;

namespace Paging.Codecs;

/// <summary>How the bytes of a stored page are to be read. Part of the stored form: values are never reused.</summary>
internal enum PageEncoding : byte
{
    Raw,
    Lz4,
}

/// <summary>Pages into bytes and back. Pure functions on native memory: no state, no allocation, any thread.</summary>
internal static unsafe class PageCodec
{
    /// <summary>What does not shrink by a sixteenth is stored raw: its faults are a copy.</summary>
    internal static int MaxEncoded(int pageLength) => pageLength - (pageLength >> 4);

    /// <returns>The encoded length, or −1 when it would exceed <paramref name="limit"/>.</returns>
    internal static int TryEncode(byte* page, int length, byte* target, int limit)
    {
        int encoded = limit <= 0 ? -1 : LZ4Codec.Encode(page, length, target, limit, LZ4Level.L00_FAST);
        return encoded <= 0 ? -1 : encoded;
    }

    /// <returns>False when the bytes are not the encoding of a page of exactly this length. Never writes outside the page.</returns>
    internal static bool TryDecode(PageEncoding encoding, byte* source, int encodedLength, byte* page, int length)
    {
        switch (encoding)
        {
            case PageEncoding.Raw:
                if (encodedLength != length)
                {
                    return false;
                }

                Unsafe.CopyBlockUnaligned(page, source, (uint)length);
                return true;
            case PageEncoding.Lz4:
                return LZ4Codec.Decode(source, encodedLength, page, length) == length;
            default:
                return false;
        }
    }

    /// <summary>XXH3 of the encoded bytes, bound to the id and the lengths, so that a read of the wrong entry fails as a damaged one does.</summary>
    internal static ulong Checksum(ReadOnlySpan<byte> encoded, ulong id, uint lengthAndEncoding, uint pageLength)
    {
        // Mixed behind the hash instead of seeding it: the same binding, without deriving a secret from each seed.
        ulong salt = (id ^ (((ulong)pageLength << 32) | lengthAndEncoding)) * 0x9E3779B185EBCA87;
        return XxHash3.HashToUInt64(encoded) ^ salt ^ (salt >> 29);
    }
}
