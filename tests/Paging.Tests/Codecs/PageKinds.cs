using System.Runtime.InteropServices;
using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Pages as programs have them, and as they should not.</summary>
internal static class PageKinds
{
    private static readonly byte[] s_file = File.ReadAllBytes(typeof(PageKinds).Assembly.Location);

    public static byte[] Any(ref Rng rng, int length)
    {
        byte[] page = new byte[length];
        switch (rng.Next(6))
        {
            case 0:
                return Contents.Make(new Random((int)rng.Next()), length);
            case 1:
                return Samples.Page(ref rng, rng.Next(Samples.Kinds), length);
            case 2:
                Doubles(ref rng, page);
                break;
            case 3:
                Records(ref rng, page);
                break;
            case 4:
                Piece(ref rng, page);
                break;
            default:
                Content.Write<byte>(ContentKind.Text, rng.Next(), page);
                break;
        }

        return page;
    }

    /// <summary>Of a ramp.</summary>
    public static void Ramp(double first, Span<byte> page)
    {
        Span<double> doubles = MemoryMarshal.Cast<byte, double>(page);
        for (int i = 0; i < doubles.Length; i++)
            doubles[i] = first + (i * 0.25);
    }

    /// <summary>A walk, NaNs of any payload among it.</summary>
    private static void Doubles(ref Rng rng, byte[] page)
    {
        double value = rng.Next(1000);
        Span<double> doubles = MemoryMarshal.Cast<byte, double>(page.AsSpan());
        for (int i = 0; i < doubles.Length; i++)
        {
            value += rng.Next(100) - 50;
            doubles[i] = rng.Next(20) switch
            {
                0 => BitConverter.UInt64BitsToDouble(0x7FF0_0000_0000_0000 | (rng.Next() >> rng.Next(60))),
                1 => -0.0,
                2 => double.NegativeInfinity,
                _ => value / 8,
            };
        }
    }

    /// <summary>Structs of a counter, a small number and noise.</summary>
    private static void Records(ref Rng rng, byte[] page)
    {
        int bytes = 4 * (1 + rng.Next(15));
        uint counter = (uint)rng.Next();
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(page.AsSpan());
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = (i * 4 % bytes) switch
            {
                0 => counter += 3,
                8 => (uint)rng.Next(),
                _ => (uint)rng.Next(100),
            };
        }
    }

    /// <summary>Of the program that is running.</summary>
    private static void Piece(ref Rng rng, byte[] page)
    {
        int from = rng.Next(Math.Max(1, s_file.Length - page.Length));
        s_file.AsSpan(from, Math.Min(page.Length, s_file.Length - from)).CopyTo(page);
    }
}
