using System.Diagnostics;

namespace Paging.Codecs;

/// <summary>Zstd, for pages that have gone cold and for the goal Ratio. On any thread; contexts are shared, and taken for one page. Nothing
/// else is allocated, natively or managed.</summary>
internal static unsafe class ZstdCodec
{
    [ThreadStatic]
    private static int s_encoder;

    [ThreadStatic]
    private static int s_decoder;

    /// <summary>Compresses a page.</summary>
    /// <param name="source">The page.</param>
    /// <param name="length">Its length, at least 1.</param>
    /// <param name="target">Receives the encoding. When there is none, what it holds means nothing.</param>
    /// <param name="limit">How far the target may be written to.</param>
    /// <param name="level">As Zstd counts levels: 1 is the fastest used here.</param>
    /// <returns>The encoded length; −1 when it would exceed the limit, or when the system has no memory for the context.</returns>
    internal static int TryEncode(byte* source, int length, byte* target, int limit, int level)
    {
        Debug.Assert(length > 0 && level > 0, "a page has a length, and level 0 stands for another one");
        if (limit <= 0 || !Reserve.Exists)
        {
            return -1;
        }

        ref int hint = ref s_encoder;
        ZstdEncoder? encoder = CodecContexts.Encoders.Take(ref hint);
        if (encoder is null)
        {
            return -1;
        }

        try
        {
            return encoder.TryEncode(source, length, target, limit, level);
        }
        finally
        {
            CodecContexts.Encoders.GiveBack(hint);
        }
    }

    /// <summary>Decompresses a page. Whatever the bytes are, nothing is written outside the page, and nothing is read outside the source
    /// and the page.</summary>
    /// <returns>False unless the bytes decode to exactly this length.</returns>
    internal static bool TryDecode(byte* source, int encodedLength, byte* page, int length)
    {
        Debug.Assert(length > 0, "a page has a length");
        ref int hint = ref s_decoder;
        ZstdDecoder? decoder = CodecContexts.Decoders.Take(ref hint);
        if (decoder is null)
        {
            return TryDecodeByReserve(source, encodedLength, page, length);
        }

        try
        {
            return decoder.TryDecode(source, encodedLength, page, length);
        }
        finally
        {
            CodecContexts.Decoders.GiveBack(hint);
        }
    }

    /// <summary>A decoder for threads that get none of their own. Nothing is encoded unless it exists.</summary>
    internal static CodecReserve<ZstdDecoder> Reserve { get; } = new(ZstdDecoder.TryCreate());

    private static bool TryDecodeByReserve(byte* source, int encodedLength, byte* page, int length)
    {
        if (!Reserve.Exists)
        {
            // Then nothing was ever encoded.
            return false;
        }

        ZstdDecoder shared = Reserve.Take();
        try
        {
            return shared.TryDecode(source, encodedLength, page, length);
        }
        finally
        {
            Reserve.GiveBack();
        }
    }
}
