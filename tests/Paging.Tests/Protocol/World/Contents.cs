namespace Paging.Tests.Protocol;

/// <summary>What a page is filled with, told by a salt: 0 is zeroes, the others by their last digit to base 4 or 8.</summary>
internal static class Contents
{
    internal const long Zeroes = 0;

    /// <summary>A salt of a page that repeats one element.</summary>
    internal static long SameFilled(int number) => (number * 4L) + 1;

    /// <summary>A salt of a page that shrinks to about a tenth.</summary>
    internal static long Text(int number) => (number * 4L) + 2;

    /// <summary>A salt of a page that does not shrink.</summary>
    internal static long Noise(int number) => (number * 4L) + 3;

    /// <summary>A salt of a page that Zstd shrinks to about half, and LZ4 not at all.</summary>
    /// <param name="number">From 0.</param>
    internal static long Nibbles(int number) => (number * 8L) + 4;

    /// <summary>As <see cref="Nibbles"/>, but for a half that anything shrinks.</summary>
    /// <param name="number">From 1.</param>
    internal static long HalfNibbles(int number) => number * 8L;

    internal static long Element(long salt, int index) => salt == 0
        ? 0
        : (salt & 3) switch
        {
            0 when (salt & 4) == 0 && (index & 128) == 0 => (index % 5) + salt,
            0 => Spread(Dice.Mix(((ulong)salt << 20) + (ulong)index + 1)),
            1 => salt,
            2 => (index % 5) + salt + (index == 100 ? 77 : 0),
            _ => (long)Dice.Mix(((ulong)salt << 20) + (ulong)index + 1),
        };

    /// <summary>A byte of sixteen for each of eight nibbles. Every bit of them is set in half of the bytes, so that no filter finds
    /// anything either.</summary>
    private static long Spread(ulong nibbles)
    {
        ReadOnlySpan<byte> bytes =
            [0x1B, 0xE4, 0x72, 0x8D, 0x39, 0xC6, 0x57, 0xA8, 0x0F, 0xF0, 0x93, 0x6C, 0x25, 0xDA, 0x4E, 0xB1];
        long spread = 0;
        for (int i = 0; i < sizeof(long); i++, nibbles >>= 4)
        {
            spread = (spread << 8) | bytes[(int)(nibbles & 15)];
        }

        return spread;
    }

    internal static long[] Page(long salt, int length)
    {
        long[] page = new long[length];
        for (int i = 0; i < length; i++)
        {
            page[i] = Element(salt, i);
        }

        return page;
    }
}
