using ZstdSharp.Unsafe;

namespace Paging.Codecs;

/// <summary>What encoder and decoder agree on: a page is one frame, without the magic number (four bytes that every page would repeat),
/// without checksum and dictionary id, and with the length of the page, which the decoder checks.</summary>
internal static class ZstdFrame
{
    /// <summary>ZSTD_c_format and ZSTD_d_format. They are not among the stable parameters, and so have no names of their own.</summary>
    internal const ZSTD_cParameter EncoderFormat = ZSTD_cParameter.ZSTD_c_experimentalParam2;

    /// <inheritdoc cref="EncoderFormat"/>
    internal const ZSTD_dParameter DecoderFormat = ZSTD_dParameter.ZSTD_d_experimentalParam1;

    internal const int Magicless = (int)ZSTD_format_e.ZSTD_f_zstd1_magicless;
}
