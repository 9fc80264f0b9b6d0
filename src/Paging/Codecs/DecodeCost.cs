using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>How long a stored page takes to decode. It is estimated from what the page looks like, not timed, so that the choice of a
/// filter is the same in every run, and on a busy machine.</summary>
/// <remarks>Nanoseconds on a processor of 2024; only their ratios matter.</remarks>
internal static unsafe class DecodeCost
{
    private const double CopyPerByte = 0.03;
    private const double PerSequence = 1.7;
    private const double ZstdPerByte = 0.8;

    private const double MaxFilterPerByte = 0.06;
    private const int MinMatch = 4;

    /// <summary>Of a raw page.</summary>
    internal static double OfCopy(int length) => length * CopyPerByte;

    /// <summary>No page that LZ4 has encoded takes longer, behind any filter.</summary>
    internal static double MaxOfLz4(int length) => length * (CopyPerByte + (PerSequence / MinMatch) + MaxFilterPerByte);

    /// <summary>Of a page that was encoded.</summary>
    internal static double Of(StoredForm form, byte* encoded, int encodedLength, int length)
    {
        double codec = form.Codec == Codec.Zstd
            ? (length * CopyPerByte) + (encodedLength * ZstdPerByte)
            : (length * CopyPerByte) + (Sequences(encoded, encodedLength) * PerSequence);
        return codec + (length * FilterPerByte(form.Filter.Kind));
    }

    /// <summary>The number of matches in an LZ4 block that this library has encoded: most of its decoding time depends on it.</summary>
    internal static int Sequences(byte* encoded, int length)
    {
        int sequences = 0;
        int at = 0;
        while (at < length)
        {
            int token = encoded[at++];
            int literals = token >> 4;
            if (literals == 15)
            {
                literals += Extension(encoded, ref at, length);
            }

            at += literals + sizeof(ushort);
            if (at >= length)
            {
                break;
            }

            if ((token & 15) == 15)
            {
                Extension(encoded, ref at, length);
            }

            sequences++;
        }

        return sequences;
    }

    private static int Extension(byte* encoded, ref int at, int length)
    {
        int sum = 0;
        byte more;
        do
        {
            more = at < length ? encoded[at++] : (byte)0;
            sum += more;
        }
        while (more == byte.MaxValue);
        return sum;
    }

    private static double FilterPerByte(FilterKind kind) => kind switch
    {
        FilterKind.None => 0,
        FilterKind.Shuffle => 0.02,
        FilterKind.BitShuffle => 0.03,
        FilterKind.DeltaShuffle => 0.045,
        _ => MaxFilterPerByte,
    };
}
