namespace Paging.Tests.Protocol;

/// <summary>What a page is filled with, told by a salt: 0 is zeroes, the others by their last digit to base 4.</summary>
internal static class Contents
{
    internal const long Zeroes = 0;

    /// <summary>A salt of a page that repeats one element.</summary>
    internal static long SameFilled(int number) => (number * 4L) + 1;

    /// <summary>A salt of a page that shrinks to about a tenth.</summary>
    internal static long Text(int number) => (number * 4L) + 2;

    /// <summary>A salt of a page that does not shrink.</summary>
    internal static long Noise(int number) => (number * 4L) + 3;

    internal static long Element(long salt, int index) => salt == 0
        ? 0
        : (salt & 3) switch
        {
            1 => salt,
            2 => (index % 5) + salt + (index == 100 ? 77 : 0),
            _ => (long)Dice.Mix(((ulong)salt << 20) + (ulong)index + 1),
        };

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
