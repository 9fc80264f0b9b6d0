using System.Runtime.InteropServices;

namespace Paging.Tests.Codecs;

/// <summary>Pages of one of several kinds of data, drawn by chance.</summary>
internal static class Contents
{
    public static byte[] Make(Random random, int length)
    {
        byte[] page = new byte[length];
        switch (random.Next(5))
        {
            case 0:
                random.NextBytes(page);
                break;
            case 1:
                page.AsSpan().Fill((byte)random.Next(256));
                break;
            case 2:
                // A ramp, through all sign changes and overflows of bytes.
                int step = random.Next(1, 256);
                for (int i = 0; i < page.Length; i++)
                {
                    page[i] = (byte)(i * step);
                }

                break;
            case 3:
                Span<float> floats = MemoryMarshal.Cast<byte, float>(page.AsSpan());
                for (int i = 0; i < floats.Length; i++)
                {
                    // NaNs of both signs and any payload, infinities, and what surrounds them.
                    floats[i] = BitConverter.UInt32BitsToSingle(0x7F800000u ^ ((uint)random.Next(4) << 30) ^ (uint)random.Next(3));
                }

                break;
            default:
                // The extremes of numbers of all widths, next to one another.
                for (int i = 0; i < page.Length; i++)
                {
                    page[i] = random.Next(4) switch { 0 => 0, 1 => 0x7F, 2 => 0x80, _ => 0xFF };
                }

                break;
        }

        return page;
    }
}
