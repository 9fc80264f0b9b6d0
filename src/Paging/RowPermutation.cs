using System.Numerics;
using System.Runtime.CompilerServices;
using Paging.Memory;

namespace Paging;

/// <summary>A permutation of 0 to n − 1 that is computed, not stored: a Feistel network over the next power of two, walked until it leads
/// into the range (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).</summary>
/// <remarks>A step walks twice on average at most, since at least half of the domain is in the range. The rounds change the upper half of
/// the bits by a function of the lower one and the lower one by a function of the upper one in turn, so that the halves may be of different
/// lengths. What it computes is a format (see <see cref="RowOrder"/>): it must not change. All of it is arithmetic on 64-bit values, so
/// that machines of any byte order agree.</remarks>
internal readonly struct RowPermutation
{
    private const int Rounds = 8;

    /// <summary>Rounds where the halves are so short that a round mixes little: up to 6 bits. With 8, permutations of five numbers come
    /// several times more often than others; with 16 no test tells them apart.</summary>
    private const int RoundsOfFew = 24;

    private const int BitsOfFew = 6;

    /// <summary>The golden ratio's fraction: what SplitMix64 (Steele, Lea and Flood, 2014) counts by.</summary>
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly Keys _keys;
    private readonly ulong _count;
    private readonly int _lowerBits;
    private readonly int _upperBits;
    private readonly int _rounds;

    /// <param name="count">How many numbers are permuted, 1 or more.</param>
    /// <param name="state">Chooses the permutation: see <see cref="Absorb"/>.</param>
    internal RowPermutation(long count, ulong state)
    {
        _count = (ulong)count;
        int bits = 64 - BitOperations.LeadingZeroCount(_count - 1);
        _upperBits = bits / 2;
        _lowerBits = bits - _upperBits;
        _rounds = bits <= BitsOfFew ? RoundsOfFew : Rounds;
        for (int i = 0; i < _rounds; i++)
        {
            state += Golden;
            _keys[i] = SplitMix64.Mix(state);
        }
    }

    /// <summary>A state that depends on another one and a number, in this order: chains of it name permutations.</summary>
    internal static ulong Absorb(ulong state, ulong number) => SplitMix64.Mix((state ^ number) + Golden);

    /// <summary>What stands at a position.</summary>
    internal long At(long position)
    {
        ulong value = (ulong)position;
        do
        {
            ulong lower = value & Mask(_lowerBits);
            ulong upper = value >> _lowerBits;
            for (int i = 0; i < _rounds; i += 2)
            {
                upper ^= Round(lower ^ _keys[i], _upperBits);
                lower ^= Round(upper ^ _keys[i + 1], _lowerBits);
            }

            value = (upper << _lowerBits) | lower;
        }
        while (value >= _count);

        return (long)value;
    }

    /// <summary>The position at which a number stands.</summary>
    internal long PositionOf(long number)
    {
        ulong value = (ulong)number;
        do
        {
            ulong lower = value & Mask(_lowerBits);
            ulong upper = value >> _lowerBits;
            for (int i = _rounds; i > 0; i -= 2)
            {
                lower ^= Round(upper ^ _keys[i - 1], _lowerBits);
                upper ^= Round(lower ^ _keys[i - 2], _upperBits);
            }

            value = (upper << _lowerBits) | lower;
        }
        while (value >= _count);

        return (long)value;
    }

    private static ulong Mask(int bits) => (1UL << bits) - 1;

    /// <summary>The topmost bits of a hash; none when there are to be none, for which a shift by 64 would not do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Round(ulong value, int bits) => (SplitMix64.Mix(value) >> 1) >> (63 - bits);

    [InlineArray(RoundsOfFew)]
    private struct Keys
    {
        private ulong _first;
    }
}
