using System.Numerics.Tensors;
using Paging;

namespace Embeddings;

/// <summary>An inverted file (IVF): the table's rows by the cell whose centre is nearest. A query looks only into the cells nearest to
/// it. The index is in memory, 8 bytes a row; the vectors stay where they are.</summary>
internal sealed class InvertedLists
{
    private const int SamplesPerCell = 64;
    private const int Rounds = 6;
    private const int BatchRows = 2048;

    private readonly PagedMatrix<float> _table;
    private readonly int _cells;
    private readonly float[] _centres;
    private readonly float[] _halfNorms;

    // Rows of cell c: _rows[_starts[c] .. _starts[c + 1]].
    private readonly long[] _rows;
    private readonly int[] _starts;

    // The rows that a query looks at, a part at a time.
    private readonly float[] _gathered;

    private InvertedLists(PagedMatrix<float> table, int cells)
    {
        _table = table;
        _cells = cells;
        _centres = new float[cells * table.Columns];
        _halfNorms = new float[cells];
        _rows = new long[table.Rows];
        _starts = new int[cells + 1];
        _gathered = new float[BatchRows * table.Columns];
    }

    /// <summary>Learns the centres from a sample.</summary>
    public static InvertedLists Train(PagedMatrix<float> table, int cells, int seed)
    {
        InvertedLists index = new(table, cells);
        int columns = table.Columns;

        // A shuffled order's beginning is a sample of the rows. Gather brings each of its pages in once, whatever the order.
        long[] rows = new long[Math.Min(table.Rows, (long)cells * SamplesPerCell)];
        RowOrder.Shuffled(table.Rows, (ulong)seed).CopyTo(epoch: 0, position: 0, rows);
        float[] sample = new float[rows.Length * columns];
        table.Gather(rows, sample);

        // Lloyd's algorithm, from the first rows of the sample.
        sample.AsSpan(0, cells * columns).CopyTo(index._centres);
        int[] cellOf = new int[rows.Length];
        for (int round = 0; round < Rounds; round++)
        {
            index.MeasureCentres();
            index.Assign(sample, cellOf, rows.Length);
            index.MoveCentres(sample, cellOf);
        }

        index.MeasureCentres();
        return index;
    }

    /// <summary>Puts every row into its cell's list, in one pass over the table.</summary>
    public void AssignAll()
    {
        int[] cellOf = new int[_table.Rows];
        int[] batchCells = new int[BatchRows];
        using BatchReader<float> batches = _table.ReadBatches(RowOrder.Sequential(_table.Rows), BatchRows);
        while (batches.MoveNext())
        {
            int count = batches.Rows.Length;
            Assign(batches.CurrentMemory, batchCells, count);
            for (int i = 0; i < count; i++)
                cellOf[batches.Rows[i]] = batchCells[i];
        }

        foreach (int cell in cellOf)
            _starts[cell + 1]++;
        for (int cell = 0; cell < _cells; cell++)
            _starts[cell + 1] += _starts[cell];

        int[] next = _starts[..];
        for (int row = 0; row < cellOf.Length; row++)
            _rows[next[cellOf[row]]++] = row;
    }

    /// <summary>The nearest rows of the nearest <paramref name="probes"/> cells, and how many rows those have. One
    /// thread at a time.</summary>
    public Neighbour[] Search(float[] query, int probes, out long looked)
    {
        float[] scores = ScoreCells(query);
        int[] cells = [.. Enumerable.Range(0, _cells)];
        Array.Sort(scores, cells);

        Nearest nearest = new(BruteForce.K);
        looked = 0;
        foreach (int cell in cells.AsSpan(Math.Max(0, _cells - probes)))
        {
            for (int start = _starts[cell]; start < _starts[cell + 1]; start += BatchRows)
            {
                // The rows lie all over the table: one call sorts them by page, and brings those pages in side by side.
                ReadOnlySpan<long> rows = _rows.AsSpan(start, Math.Min(BatchRows, _starts[cell + 1] - start));
                _table.Gather(rows, _gathered);
                nearest.OfferRows(query, _gathered, rows);
                looked += rows.Length;
            }
        }

        return nearest.ToArray();
    }

    private void MeasureCentres()
    {
        for (int cell = 0; cell < _cells; cell++)
            _halfNorms[cell] = TensorPrimitives.SumOfSquares(Centre(cell)) / 2;
    }

    private void Assign(ReadOnlyMemory<float> vectors, int[] cellOf, int count)
    {
        int columns = _table.Columns;
        Parallel.For(0, count, i => cellOf[i] = TensorPrimitives.IndexOfMax<float>(ScoreCells(vectors.Span.Slice(i * columns, columns))));
    }

    // The largest is the nearest: |v - c|² is |v|² - 2 (v·c - |c|² / 2), and |v|² is the same for all cells.
    private float[] ScoreCells(ReadOnlySpan<float> vector)
    {
        float[] scores = new float[_cells];
        for (int cell = 0; cell < _cells; cell++)
            scores[cell] = TensorPrimitives.Dot(vector, Centre(cell)) - _halfNorms[cell];
        return scores;
    }

    private void MoveCentres(float[] sample, int[] cellOf)
    {
        int columns = _table.Columns;
        int[] sizes = new int[_cells];
        Array.Clear(_centres);
        for (int i = 0; i < cellOf.Length; i++)
        {
            TensorPrimitives.Add(Centre(cellOf[i]), sample.AsSpan(i * columns, columns), Centre(cellOf[i]));
            sizes[cellOf[i]]++;
        }

        for (int cell = 0; cell < _cells; cell++)
        {
            // A cell that lost all its rows begins anew somewhere else.
            if (sizes[cell] == 0)
                sample.AsSpan(cell * 31 % cellOf.Length * columns, columns).CopyTo(Centre(cell));
            else
                TensorPrimitives.Divide(Centre(cell), sizes[cell], Centre(cell));
        }
    }

    private Span<float> Centre(int cell) => _centres.AsSpan(cell * _table.Columns, _table.Columns);
}
