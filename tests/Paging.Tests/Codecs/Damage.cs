using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Bytes that are almost an encoding, or nothing like one.</summary>
internal static class Damage
{
    /// <summary>Bytes at which lengths go on, counts are largest, flags are all set or all clear.</summary>
    private static readonly byte[] s_telling = [0x00, 0x01, 0x0f, 0x10, 0x7f, 0x80, 0xf0, 0xff];

    /// <summary>Fills <paramref name="target"/> with a damaged copy of <paramref name="encoding"/>.</summary>
    /// <param name="rng">The chances.</param>
    /// <param name="encoding">A good one.</param>
    /// <param name="other">Another one, of which a piece may come in.</param>
    /// <param name="target">Longer than either.</param>
    /// <returns>How long the copy is.</returns>
    public static int Copy(ref Rng rng, ReadOnlySpan<byte> encoding, ReadOnlySpan<byte> other, Span<byte> target)
    {
        encoding.CopyTo(target);
        int length = encoding.Length;
        int times = 1 + rng.Next(3);
        for (int i = 0; i < times && length > 0; i++)
            length = Once(ref rng, target, length, other);
        return length;
    }

    private static int Once(ref Rng rng, Span<byte> bytes, int length, ReadOnlySpan<byte> other)
    {
        // Headers and tables stand in front: half of the damage is there.
        int at = rng.Chance(50) ? rng.Next(Math.Min(length, 24)) : rng.Next(length);
        Span<byte> rest = bytes[at..length];
        switch (rng.Next(9))
        {
            case 0:
                return at;
            case 1:
                rest[0] ^= (byte)(1 << rng.Next(8));
                return length;
            case 2:
                rest[0] = (byte)rng.Next();
                return length;
            case 3:
                rest[0] = s_telling[rng.Next(s_telling.Length)];
                return length;
            case 4:
                rest[..Math.Min(rest.Length, 1 + rng.Next(300))].Fill(s_telling[rng.Next(s_telling.Length)]);
                return length;
            case 5:
                Content.Write(ContentKind.Noise, rng.Next(), rest[..Math.Min(rest.Length, 1 + rng.Next(16))]);
                return length;
            case 6:
                // Behind it, something more.
                int more = Math.Min(bytes.Length - length, 1 + rng.Next(40));
                Content.Write(ContentKind.Noise, rng.Next(), bytes.Slice(length, more));
                return length + more;
            case 7:
                // A piece left out: everything behind it moves up.
                int gone = Math.Min(rest.Length, 1 + rng.Next(8));
                rest[gone..].CopyTo(rest);
                return length - gone;
            default:
                int from = rng.Next(other.Length);
                ReadOnlySpan<byte> piece = other[from..Math.Min(other.Length, from + 1 + rng.Next(rest.Length))];
                piece[..Math.Min(piece.Length, rest.Length)].CopyTo(rest);
                return length;
        }
    }
}
