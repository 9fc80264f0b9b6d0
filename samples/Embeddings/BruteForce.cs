using Paging;

namespace Embeddings;

/// <summary>The nearest rows of each query, by looking at all.</summary>
internal static class BruteForce
{
    public const int K = 10;
    private const int BatchRows = 1024;

    /// <summary>Batch after batch: two are gathered ahead while this one is worked on.</summary>
    public static Neighbour[][] Search(PagedMatrix<float> table, float[][] queries, out TimeSpan waited)
    {
        Nearest[] nearest = Start(queries);
        using BatchReader<float> batches = table.ReadBatches(RowOrder.Sequential(table.Rows), BatchRows);
        long[] rows = new long[BatchRows];
        while (batches.MoveNext())
        {
            // Memory, and not the span that Current is: a lambda cannot hold a span.
            ReadOnlyMemory<float> vectors = batches.CurrentMemory;
            int count = batches.Rows.Length;
            batches.Rows.CopyTo(rows);
            Parallel.For(0, queries.Length, i => nearest[i].OfferRows(queries[i], vectors.Span, rows.AsSpan(0, count)));
        }

        waited = batches.Waited;
        return [.. nearest.Select(best => best.ToArray())];
    }

    /// <summary>The control: the same without the library.</summary>
    public static Neighbour[][] Search(float[] table, float[][] queries)
    {
        Nearest[] nearest = Start(queries);
        int columns = queries[0].Length;
        long[] rows = [.. Enumerable.Range(0, table.Length / columns).Select(row => (long)row)];
        Parallel.For(0, queries.Length, i => nearest[i].OfferRows(queries[i], table, rows));
        return [.. nearest.Select(best => best.ToArray())];
    }

    private static Nearest[] Start(float[][] queries) => [.. queries.Select(_ => new Nearest(K))];
}
