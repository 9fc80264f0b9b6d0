using Paging.Codecs;

namespace Paging.Tests.Codecs;

/// <summary>What is fed with bytes: the decoders, and four that break one rule each, to show that it would be noticed.</summary>
internal enum FuzzTarget
{
    Lz4,
    Zstd,

    /// <summary>Filtered pages: see <see cref="FormFuzz"/>.</summary>
    Forms,
    ReadsBeforeSource,
    ReadsBehindSource,
    WritesBeforePage,
    WritesBehindPage,
}

internal static unsafe class FuzzTargets
{
    private static readonly StoredForm s_lz4 = StoredForm.Raw with { Codec = Codec.Lz4 };
    private static byte s_read;

    public static bool TryDecode(this FuzzTarget target, byte* source, int encodedLength, byte* page, int length)
    {
        switch (target)
        {
            case FuzzTarget.Zstd:
                return ZstdCodec.TryDecode(source, encodedLength, page, length);
            case FuzzTarget.ReadsBeforeSource:
                s_read = source[-1];
                break;
            case FuzzTarget.ReadsBehindSource:
                s_read = source[encodedLength];
                break;
            case FuzzTarget.WritesBeforePage:
                page[-1] = s_read;
                break;
            case FuzzTarget.WritesBehindPage:
                page[length] = s_read;
                break;
        }

        return PageCodec.TryDecode(s_lz4, source, encodedLength, page, length);
    }

    /// <summary>Encodes with whatever the target decodes.</summary>
    public static int Encode(this FuzzTarget target, byte* source, int length, byte* encoded, int limit, int level) =>
        target == FuzzTarget.Zstd
            ? ZstdCodec.TryEncode(source, length, encoded, limit, level)
            : PageCodec.TryEncode(s_lz4, level, source, length, encoded, limit);
}
