using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>The filters worth trying on a page: those for its element, and those for a record length that the page itself
/// suggests.</summary>
internal static unsafe class Candidates
{
    /// <summary>The most candidates that there can be for one page.</summary>
    internal const int Max = 24;

    private const int MaxLags = 24;

    /// <summary>A longer lag must cost less than this share of a shorter one.</summary>
    private const double ClearlyLess = 0.95;

    /// <summary>Bytes of a page that are looked at for its record length.</summary>
    internal const int LookedAt = 2 << 10;

    /// <summary>Lags that are looked at where the element says nothing: those of pixels, vertices, samples.</summary>
    private static ReadOnlySpan<byte> OfBytes => [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 64];

    /// <summary>Finds the candidates for a page.</summary>
    /// <param name="elementBytes">The length of its elements.</param>
    /// <param name="lag">As <see cref="BestLag"/> finds it.</param>
    /// <param name="used">The filter in use, which is always one of them.</param>
    /// <param name="found">Receives the candidates.</param>
    /// <returns>How many.</returns>
    internal static int Find(int elementBytes, int lag, Filter used, Span<Filter> found)
    {
        int count = 0;
        Add(found, ref count, Filter.None);
        Add(found, ref count, used);

        int stride = ElementShape.StrideFor(elementBytes);
        AddStride(found, ref count, stride, ElementShape.LaneFor(stride));
        if (lag != stride)
        {
            AddStride(found, ref count, lag, Math.Min(4, ElementShape.LaneFor(lag)));
        }

        // Blocks of compressed textures, groups of four halves, doubles: elements of 1, 2 or 4 bytes are often parts of such things.
        if (8 % stride == 0 && stride < 8 && lag != 8)
        {
            Add(found, ref count, new Filter(FilterKind.BitShuffle, 8, 1));
            Add(found, ref count, new Filter(FilterKind.XorBitShuffle, 8, 1));
            Add(found, ref count, new Filter(FilterKind.DeltaBitShuffle, 8, 2));
        }

        return count;
    }

    /// <summary>Leaves out what only the pool has: the filters that take differences.</summary>
    /// <returns>How many are left, in front.</returns>
    internal static int KeepPortable(Span<Filter> found)
    {
        int count = 0;
        foreach (Filter filter in found)
        {
            if (filter.Kind <= FilterKind.BitShuffle && filter.Stride <= byte.MaxValue)
            {
                found[count++] = filter;
            }
        }

        return count;
    }

    /// <summary>Adds the filters of one stride.</summary>
    /// <param name="found">Receives the candidates.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="stride">The length of an element, or of a record.</param>
    /// <param name="lane">The longest number in it.</param>
    private static void AddStride(Span<Filter> found, ref int count, int stride, int lane)
    {
        if (stride > 1)
        {
            Add(found, ref count, new Filter(FilterKind.Shuffle, stride, 1));
        }

        Add(found, ref count, new Filter(FilterKind.BitShuffle, stride, 1));
        Add(found, ref count, new Filter(FilterKind.XorBitShuffle, stride, 1));
        Add(found, ref count, new Filter(FilterKind.DeltaShuffle, stride, lane));
        Add(found, ref count, new Filter(FilterKind.DeltaBitShuffle, stride, lane));
        if (lane > 2)
        {
            // Halves of 16 bits: pixels of a deep image, indices.
            Add(found, ref count, new Filter(FilterKind.DeltaShuffle, stride, 2));
            Add(found, ref count, new Filter(FilterKind.DeltaBitShuffle, stride, 2));
        }
    }

    private static void Add(Span<Filter> found, ref int count, Filter filter)
    {
        if (count < found.Length && !found[..count].Contains(filter))
        {
            found[count++] = filter;
        }
    }

    /// <summary>The distance at which the bytes of a page resemble each other most.</summary>
    internal static int BestLag(byte* page, int length, int stride)
    {
        int piece = Math.Min(length, LookedAt);
        int best = stride;
        double min = double.MaxValue;
        for (int i = 0; i < MaxLags; i++)
        {
            int lag = stride == 1 ? (i < OfBytes.Length ? OfBytes[i] : 0) : stride * (i + 1);
            if (lag is 0 or > 128 || lag > piece / 4)
            {
                break;
            }

            // A longer distance must be clearly better: of two periods that fit, the shorter one is taken.
            double cost = StrideProbe.BitCost(page, piece, lag) / (double)(piece - lag);
            if (cost < min * ClearlyLess)
            {
                min = cost;
                best = lag;
            }
        }

        return best;
    }
}
