using System.Numerics.Tensors;
using Paging;

namespace Embeddings;

/// <summary>Pages as tensors: nothing is copied, since a tensor span is a view of the span that a lease or a batch has.</summary>
internal static class TensorViews
{
    /// <summary>The sum of all elements, row by row over leases, and batch by batch over tensors of two dimensions.</summary>
    public static (double ByLease, double ByTensor) Sum(PagedMatrix<float> table)
    {
        double byLease = 0;
        for (long row = 0; row < table.Rows; row++)
        {
            using ReadLease<float> lease = table.ReadRow(row);
            byLease += TensorPrimitives.Sum(lease.Span);
        }

        double byTensor = 0;
        using BatchReader<float> batches = table.ReadBatches(RowOrder.Sequential(table.Rows), batchRows: 1024);
        while (batches.MoveNext())
        {
            ReadOnlyTensorSpan<float> batch = new(batches.Current, [batches.Rows.Length, table.Columns]);
            byTensor += Tensor.Sum(batch);
        }

        return (byLease, byTensor);
    }

    /// <summary>The length of one row: 1, as all are normalised.</summary>
    public static float Norm(PagedMatrix<float> table, long row)
    {
        using ReadLease<float> lease = table.ReadRow(row);
        ReadOnlyTensorSpan<float> tensor = new(lease.Span, [1, table.Columns]);
        return Tensor.Norm(tensor);
    }
}
