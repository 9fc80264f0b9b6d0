using Paging.Benchmarks.Workloads;

namespace Paging.Benchmarks.Traces;

/// <summary>Traces that every machine can make, each of one kind of access, the same for the same seed.</summary>
internal static class GeneratedTraces
{
    private const int Pages = 10_000;
    private const int Accesses = 200_000;
    private const double Usual = 0.9;

    private static readonly double[] s_exponents = [0.6, Usual, 1.2];

    public static IEnumerable<Trace> All(int seed) =>
    [
        Trace.From("loop", Loop(first: 0, 1_000, rounds: 100)),
        Trace.From("epochs", Epochs(4_000, 12, seed)),
        .. s_exponents.Select(exponent =>
            Trace.From(FormattableString.Invariant($"zipf-{exponent}"), Zipf(0, Pages, exponent, Accesses, seed))),
        Trace.From("zipf-and-scan", ZipfAndScan(seed)),
        Trace.From("zipf-loop-zipf", Phases(seed)),
    ];

    /// <summary>The pages in order, over and over.</summary>
    public static IEnumerable<long> Loop(long first, int pages, int rounds) =>
        Enumerable.Range(0, rounds).SelectMany(_ => Enumerable.Range(0, pages)).Select(page => first + page);

    /// <summary>All pages once in a random order, then in another: training on data that is shuffled for every epoch.</summary>
    public static IEnumerable<long> Epochs(int pages, int epochs, int seed) =>
        Enumerable.Range(0, epochs).SelectMany(epoch => Orders.Permutation(pages, seed + epoch)).Select(page => (long)page);

    /// <summary>Independent accesses, to the n-th page in proportion to n to the power of −exponent.</summary>
    public static IEnumerable<long> Zipf(long first, int pages, double exponent, int accesses, int seed)
    {
        double[] upTo = new double[pages];
        double sum = 0;
        for (int i = 0; i < pages; i++)
        {
            upTo[i] = sum += Math.Pow(i + 1, -exponent);
        }

        Random random = new(seed);
        for (int i = 0; i < accesses; i++)
        {
            int at = Array.BinarySearch(upTo, random.NextDouble() * sum);
            yield return first + Math.Min(at < 0 ? ~at : at, pages - 1);
        }
    }

    /// <summary>A scan over twice as many pages as the rest uses, in runs between its accesses: a quarter of all.</summary>
    private static IEnumerable<long> ZipfAndScan(int seed)
    {
        const int Run = 1_000;
        int scanned = 0;
        foreach (long[] accesses in Zipf(0, Pages, Usual, Accesses, seed).Chunk(3 * Run))
        {
            foreach (long page in accesses)
            {
                yield return page;
            }

            for (int i = 0; i < Run; i++, scanned++)
            {
                yield return Pages + (scanned % (2 * Pages));
            }
        }
    }

    /// <summary>A change of phase, twice: from Zipf to a loop, and to Zipf over other pages.</summary>
    private static IEnumerable<long> Phases(int seed) =>
    [
        .. Zipf(0, Pages, Usual, Accesses, seed),
        .. Loop(Pages, Pages, Accesses / Pages),
        .. Zipf(2 * Pages, Pages, Usual, Accesses, seed + 1),
    ];
}
