using System.Numerics;

namespace Paging.Benchmarks.Traces;

/// <summary>How often pages were accessed of late, about: a count-min sketch of four rows of 4-bit counters (Einziger, Friedman and Manes,
/// "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage, 2017), as in Caffeine, without a
/// doorkeeper.</summary>
/// <remarks>Sixteen counters a frame. All are halved when ten accesses a frame were counted.</remarks>
internal sealed class FrequencySketch
{
    private const int Rows = 4;
    private const int CounterBits = 4;
    private const ulong Most = (1 << CounterBits) - 1;
    private const ulong Odd = 0x1111_1111_1111_1111;
    private const ulong HalfMask = 0x7777_7777_7777_7777;
    private const int SampleOfFrame = 10;

    private readonly ulong[] _table;
    private readonly int _sample;
    private int _counted;

    public FrequencySketch(int frames)
    {
        _table = new ulong[BitOperations.RoundUpToPowerOf2((uint)frames)];
        _sample = SampleOfFrame * frames;
    }

    public int Frequency(int page)
    {
        ulong hash = Hash(page);
        ulong least = Most;
        for (int row = 0; row < Rows; row++)
        {
            least = Math.Min(least, (_table[IndexOf(hash, row)] >> ShiftOf(hash, row)) & Most);
        }

        return (int)least;
    }

    public void Count(int page)
    {
        ulong hash = Hash(page);
        bool isCounted = false;
        for (int row = 0; row < Rows; row++)
        {
            ref ulong counters = ref _table[IndexOf(hash, row)];
            int shift = ShiftOf(hash, row);
            if (((counters >> shift) & Most) < Most)
            {
                counters += 1UL << shift;
                isCounted = true;
            }
        }

        if (isCounted && ++_counted == _sample)
        {
            Halve();
        }
    }

    /// <summary>What halving cuts off is not counted as seen: a half for each counter that is odd, and each access is in four.</summary>
    private void Halve()
    {
        int odd = 0;
        for (int i = 0; i < _table.Length; i++)
        {
            odd += BitOperations.PopCount(_table[i] & Odd);
            _table[i] = (_table[i] >> 1) & HalfMask;
        }

        _counted = (_counted - (odd / Rows)) / 2;
    }

    private int IndexOf(ulong hash, int row) => (int)((uint)hash + ((uint)row * ((uint)(hash >> 32) | 1))) & (_table.Length - 1);

    /// <summary>A page has its counters in one of the four quarters of the words.</summary>
    private static int ShiftOf(ulong hash, int row) => (((int)(hash >> 62) * Rows) + row) * CounterBits;

    /// <summary>The finalizer of SplitMix64.</summary>
    private static ulong Hash(int page)
    {
        ulong hash = (ulong)page + 0x9E37_79B9_7F4A_7C15;
        hash = (hash ^ (hash >> 30)) * 0xBF58_476D_1CE4_E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D0_49BB_1331_11EB;
        return hash ^ (hash >> 31);
    }
}
