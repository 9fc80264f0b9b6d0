using System.Runtime.InteropServices;
using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Pages of the kinds that codecs take different paths for.</summary>
internal static class Samples
{
    public const int Kinds = 6;

    /// <summary>Mostly short lengths, often those that pages have.</summary>
    public static int Length(ref Rng rng, int longest) => Math.Min(longest, rng.Next(8) switch
    {
        0 => 1 + rng.Next(64),
        1 or 2 => 1 + rng.Next(9_000),
        3 or 4 or 5 => 4096,
        6 => 16 << 10,
        _ => 1 + rng.Next(longest),
    });

    public static byte[] Page(ref Rng rng, int kind, int length)
    {
        byte[] page = new byte[length];
        switch (kind)
        {
            case < 4:
                Content.Write((ContentKind)kind, rng.Next(), page.AsSpan());
                break;
            case 4:
                Walk(ref rng, page);
                break;
            default:
                Pieces(ref rng, page);
                break;
        }

        return page;
    }

    /// <summary>Floats of a random walk: hardly a match, skewed bytes, so that entropy coding does the work.</summary>
    private static void Walk(ref Rng rng, byte[] page)
    {
        float value = rng.Next(1000);
        Span<float> floats = MemoryMarshal.Cast<byte, float>(page.AsSpan());
        for (int i = 0; i < floats.Length; i++)
            floats[i] = value += (rng.Next(200) - 100) / 64f;
    }

    /// <summary>Noise, runs and copies of what came before, in lengths and distances of every size.</summary>
    private static void Pieces(ref Rng rng, byte[] page)
    {
        for (int at = 0; at < page.Length;)
        {
            Span<byte> piece = page.AsSpan(at, Math.Min(page.Length - at, 1 + rng.Next(2 << rng.Next(10))));
            switch (rng.Next(3))
            {
                case 0:
                    Content.Write(ContentKind.Noise, rng.Next(), piece);
                    break;
                case 1:
                    piece.Fill((byte)rng.Next());
                    break;
                default:
                    int from = rng.Next(at + 1);
                    for (int i = 0; i < piece.Length; i++)
                        piece[i] = page[Math.Min(from + i, Math.Max(0, at + i - 1))];
                    break;
            }

            at += piece.Length;
        }
    }
}
