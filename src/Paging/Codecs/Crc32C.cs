using System.Numerics;
using System.Runtime.InteropServices;

namespace Paging.Codecs;

/// <summary>The checksum of Castagnoli (RFC 3720, appendix B.4), which Zarr's codec crc32c appends: by the processor's own instruction where
/// it has one.</summary>
internal static class Crc32C
{
    /// <summary>Bytes of a checksum.</summary>
    internal const int Bytes = sizeof(uint);

    internal static uint Of(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (byte rest in data[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }

        return ~crc;
    }
}
