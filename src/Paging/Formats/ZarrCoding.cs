namespace Paging.Formats;

/// <summary>What a chunk is compressed with.</summary>
internal enum ZarrCompressor
{
    None,
    Blosc,
    Zstd,
}

/// <summary>How the bytes of a chunk become those in its file: little-endian elements in C order, then a compressor, then a
/// checksum.</summary>
/// <param name="Compressor">Of the bytes.</param>
/// <param name="HasChecksum">Whether a checksum of what is stored follows it.</param>
internal readonly record struct ZarrCoding(ZarrCompressor Compressor, bool HasChecksum)
{
    /// <summary>Whether the file holds the bytes of the elements as they are, so that any part of them can be read without the
    /// rest.</summary>
    internal bool IsPlain => Compressor == ZarrCompressor.None && !HasChecksum;
}

/// <summary>Where the chunks of a shard are told.</summary>
/// <param name="IsAtEnd">Whether the index is the end of the file, or its beginning.</param>
/// <param name="HasChecksum">Whether a checksum follows it.</param>
internal readonly record struct ZarrIndex(bool IsAtEnd, bool HasChecksum);
