using System.Buffers.Binary;
using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Encodings put together from the parts of their format, with lengths and distances that lie.</summary>
/// <remarks>LZ4 block format, and RFC 8878 (Zstandard) without its magic number.</remarks>
internal static class Forgery
{
    /// <param name="rng">The chances.</param>
    /// <param name="length">Of the page that they claim to be.</param>
    /// <param name="around">How many bytes to make, about.</param>
    /// <param name="target">Much longer.</param>
    /// <returns>How many bytes of the target were filled.</returns>
    public static int Lz4(ref Rng rng, int length, int around, Span<byte> target)
    {
        int at = 0;
        int written = 0;
        while (at < around)
        {
            int literals = Towards(ref rng, length - written);
            int match = Towards(ref rng, length - written - literals - 4);
            target[at++] = (byte)((Math.Min(literals, 15) << 4) | Math.Min(match, 15));
            at = Extended(literals, target, at);
            int there = rng.Chance(95) ? Math.Min(literals, around + 64) : rng.Next(around);
            Content.Write(ContentKind.Noise, rng.Next(), target.Slice(at, there));
            at += there;
            written += literals;
            if (there == literals && written == length && rng.Chance(80))
                return at;

            // Mostly honest: the first lie is the last thing that a good decoder reads.
            int distance = rng.Next(50) switch
            {
                0 => written + rng.Next(3),
                1 => 65535 - rng.Next(3),
                2 => rng.Next(65536),
                < 6 => 0,
                < 25 => Math.Min(written, 1 + rng.Next(20)),
                _ => Math.Min(written, 1 + rng.Next(65535)),
            };
            BinaryPrimitives.WriteUInt16LittleEndian(target[at..], (ushort)distance);
            at = Extended(match, target, at + 2);
            written += match + 4;
        }

        // Cut anywhere.
        return at - rng.Next(Math.Min(at, 20));
    }

    /// <inheritdoc cref="Lz4"/>
    public static int Zstd(ref Rng rng, int length, int around, Span<byte> target)
    {
        int at = 0;
        int descriptor = rng.Chance(70) ? 0x60 : rng.Next(256);
        target[at++] = (byte)descriptor;
        if ((descriptor & 0x20) == 0)
            target[at++] = (byte)rng.Next();
        at += new[] { 0, 1, 2, 4 }[descriptor & 3];
        ulong said = rng.Chance(80) ? (ulong)length : rng.Next();
        int saidBytes = (descriptor >> 6) switch { 0 => (descriptor & 0x20) >> 5, 1 => 2, 2 => 4, _ => 8 };
        said -= saidBytes == 2 ? 256u : 0u;
        for (int i = 0; i < saidBytes; i++)
            target[at++] = (byte)(said >> (8 * i));

        bool last = false;
        while (at < around && !last)
        {
            int type = rng.Chance(70) ? 2 : rng.Next(4);
            int size = type == 1 ? 1 : rng.Next(Math.Max(1, around - at)) + 1;
            int claimed = rng.Chance(85) ? (type == 1 ? 1 + rng.Next(length) : size) : rng.Next(1 << 21);
            last = rng.Chance(40);
            int header = (claimed << 3) | (type << 1) | (last ? 1 : 0);
            target[at] = (byte)header;
            target[at + 1] = (byte)(header >> 8);
            target[at + 2] = (byte)(header >> 16);
            at += 3;
            Span<byte> body = target.Slice(at, size);
            Content.Write(ContentKind.Noise, rng.Next(), body);
            if (type == 2)
                Block(ref rng, body);
            at += size;
        }

        return at;
    }

    /// <summary>Literals that are short or repeated now and then, so that sequences follow where the decoder looks for them.</summary>
    private static void Block(ref Rng rng, Span<byte> body)
    {
        if (body.Length < 8 || rng.Chance(25))
            return;
        int literals = rng.Next(Math.Min(32, body.Length - 6));
        int kind = rng.Next(2);    // raw, or one byte to be repeated
        body[0] = (byte)((literals << 3) | kind);
        int at = 1 + (kind == 0 ? literals : 1);
        body[at++] = (byte)(1 + rng.Next(127));
        body[at] = (byte)(rng.Next(64) << 2);    // which tables follow
        body[^1] |= 1;    // the bit that ends a backward stream
    }

    /// <summary>Any length; near the page's end one that ends there, or close to it on either side.</summary>
    private static int Towards(ref Rng rng, int end)
    {
        int some = Some(ref rng);
        return (end is > 0 and < 600 && rng.Chance(50)) || (some > end && rng.Chance(80))
            ? Math.Max(0, end + 12 - rng.Next(25))
            : some;
    }

    /// <summary>Mostly short, sometimes at the edges of what a nibble or a byte holds, seldom huge.</summary>
    private static int Some(ref Rng rng) => rng.Next(10) switch
    {
        < 6 => rng.Next(16),
        6 => 14 + rng.Next(3),
        7 => 15 + 254 + rng.Next(3),
        8 => rng.Next(600),
        _ => rng.Next(50) == 0 ? rng.Next(500_000) : rng.Next(5_000),
    };

    private static int Extended(int length, Span<byte> target, int at)
    {
        if (length < 15)
            return at;
        for (length -= 15; length >= 255; length -= 255)
            target[at++] = 255;
        target[at++] = (byte)length;
        return at;
    }
}
