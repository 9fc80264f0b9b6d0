namespace Paging.Swap;

/// <summary>Whether a swap file rests: after its disk was full, or the system had no memory for a write, it is not tried again at once.
/// </summary>
/// <remarks>
/// <code>
///                Begin                  TryPass, 256 times
///     awake ────────────────▶ resting ────────────────────▶ awake
///                             ▲     │  TryEnd, before a page is refused
///                       Begin └─────┴─────────────────────▶ awake
/// </code>
/// The rest is counted in checks for room and not in time: as long as nobody asks, nothing has to end it.
/// A mutable struct, in one field of the file. All of it by any thread, by CAS of one word.
/// </remarks>
internal struct FileRest
{
    /// <summary>So many checks for room find the file resting.</summary>
    private const uint Checks = 256;

    /// <summary>High half: how often a rest has begun. Low half: how many more checks find it resting; 0 when it does not rest. In one word,
    /// so that who looks at it twice knows whether the file rested at any time between.</summary>
    private ulong _word;

    internal bool IsOn => Left(Volatile.Read(ref _word)) != 0;

    /// <summary>How often a rest has begun.</summary>
    internal long Begun => (long)(Volatile.Read(ref _word) >> 32);

    /// <summary>(n, any) → (n + 1, all checks).</summary>
    internal void Begin()
    {
        while (true)
        {
            ulong word = Volatile.Read(ref _word);
            if (Interlocked.CompareExchange(ref _word, (((word >> 32) + 1) << 32) | Checks, word) == word)
            {
                return;
            }
        }
    }

    /// <summary>A check for room: true when the file does not rest; else (n, left) → (n, left − 1).</summary>
    internal bool TryPass()
    {
        ulong word = Volatile.Read(ref _word);
        if (Left(word) == 0)
        {
            return true;
        }

        // One check less; or, if another thread was first, none.
        Interlocked.CompareExchange(ref _word, word - 1, word);
        return false;
    }

    /// <summary>(n, left) → (n, 0). False when the file does not rest.</summary>
    internal bool TryEnd()
    {
        while (true)
        {
            ulong word = Volatile.Read(ref _word);
            if (Left(word) == 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _word, word & ~(ulong)uint.MaxValue, word) == word)
            {
                return true;
            }
        }
    }

    private static uint Left(ulong word) => (uint)word;
}
