using System.Numerics;

namespace Paging.Peers.Data;

/// <summary>How often which row is asked for.</summary>
internal enum Distribution
{
    /// <summary>Every row as often as any other.</summary>
    Uniform,

    /// <summary>As words in a text, with the exponent 0.99: a few rows very often, most of them seldom.</summary>
    Zipf,
}

/// <summary>An endless stream of row numbers, the same for everyone.</summary>
/// <remarks>A table of a million numbers, or four for each row, that is walked from a place that moves on, so that drawing them costs a timed
/// loop nothing.</remarks>
internal sealed class RowStream
{
    private const int Fewest = 1 << 20;
    private const int Most = 1 << 30;
    private const int DrawsARow = 4; // fewer would leave out rows, as if there were less data
    private const double Exponent = 0.99;
    private readonly int[] _rows;
    private int _next;

    public RowStream(Distribution distribution, long rows, int seed)
    {
        Random random = new(seed);
        _rows = new int[(int)BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(DrawsARow * rows, Fewest, Most))];
        if (distribution == Distribution.Uniform)
        {
            for (int i = 0; i < _rows.Length; i++)
            {
                _rows[i] = (int)random.NextInt64(rows);
            }

            return;
        }

        // The sampler of YCSB (Gray et al., "Quickly generating billion-record synthetic databases"), and its ranks scattered over all rows.
        double zeta = Zeta(rows);
        double zetaOfTwo = 1 + Math.Pow(0.5, Exponent);
        double alpha = 1 / (1 - Exponent);
        double eta = (1 - Math.Pow(2.0 / rows, 1 - Exponent)) / (1 - (zetaOfTwo / zeta));
        int[] places = new int[rows];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = i;
        }

        new Random(seed).Shuffle(places);
        for (int i = 0; i < _rows.Length; i++)
        {
            double u = random.NextDouble();
            double uz = u * zeta;
            long rank = uz < 1 ? 0 : uz < zetaOfTwo ? 1 : (long)(rows * Math.Pow((eta * u) - eta + 1, alpha));
            _rows[i] = places[Math.Min(rank, rows - 1)];
        }
    }

    public void Next(Span<long> rows)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = _rows[_next];
            _next = (_next + 1) & (_rows.Length - 1);
        }
    }

    private static double Zeta(long rows)
    {
        double sum = 0;
        for (long i = 1; i <= rows; i++)
        {
            sum += 1 / Math.Pow(i, Exponent);
        }

        return sum;
    }
}
