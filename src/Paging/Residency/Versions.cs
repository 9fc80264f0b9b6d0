namespace Paging.Residency;

/// <summary>Where the versions of words go on when the words lose their memory.</summary>
internal static unsafe class Versions
{
    /// <summary>Half of the versions that there are.</summary>
    private const int MaxAhead = PageWord.MaxVersion / 2;

    /// <summary>The furthest version of some words, from which all of them can go on. No word is behind it by more than half of the ring,
    /// so no word comes to a version again less than half a ring after it had it.</summary>
    /// <returns>False when a word is too far ahead of where they began: the memory stays.</returns>
    internal static bool TryAdvance(byte* words, int count, int stride, int version, out int furthest)
    {
        int most = 0;
        for (int i = 0; i < count; i++)
        {
            ulong word = *(ulong*)(words + ((long)i * stride));
            most = Math.Max(most, Ahead(PageWord.Version(word), version));
        }

        furthest = (version + most) % PageWord.MaxVersion;
        return most <= MaxAhead;
    }

    /// <summary>How many versions one is ahead of another. All versions form a ring; new memory is ahead of nothing.</summary>
    private static int Ahead(int version, int of)
    {
        int ahead = version - of;
        return version == 0 ? 0 : ahead >= 0 ? ahead : ahead + PageWord.MaxVersion;
    }
}
