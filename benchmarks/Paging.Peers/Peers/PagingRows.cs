using Paging.Peers.Data;
using Paging.Peers.Running;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>This library: a matrix of bytes, a row a row. How it came to its data is the subclasses' matter.</summary>
internal abstract class PagingRows : IRowWriter, IRowToucher, IBatchReader
{
    private const int WarmedAtOnce = 256;

    protected PagingRows(PagerOptions options) => Pager = new Pager(options);

    public abstract string Settings { get; }

    public string State
    {
        get
        {
            PagerStatistics now = Pager.GetStatistics();
            double faults = Math.Max(1, now.Faults);
            return string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"of {now.Faults:n0} faults {100 * now.FaultsFromPool / faults:0}% from the pool, {100 * now.FaultsFromFile / faults:0}% from files; "
                + $"pool: {now.PoolLogicalBytes >> 20} MiB of data, encoded {now.PoolStoredBytes >> 20}, in {now.PoolBytes >> 20} MiB; "
                + $"{now.BytesWritten >> 20} MiB written to files; metadata {now.MetadataBytes / 1048576.0:0.0} MiB");
        }
    }

    protected Pager Pager { get; }

    protected PagedMatrix<byte> Matrix { get; init; } = null!;

    public void Read(long row, Span<byte> destination)
    {
        using ReadLease<byte> lease = Matrix.ReadRow(row);
        lease.Span.CopyTo(destination);
    }

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination) => Matrix.Gather(rows, destination[..(rows.Length * Row.Bytes)]);

    public void Write(long row, ReadOnlySpan<byte> contents)
    {
        using WriteLease<byte> lease = Matrix.WriteRow(row);
        contents.CopyTo(lease.Span);
    }

    public long Touch(long row)
    {
        using ReadLease<byte> lease = Matrix.ReadRow(row);
        return Row.Touch(lease.Span);
    }

    /// <summary>Every row once, in an order that is none: what is read from one end to the other is not kept in the pool the first
    /// time.</summary>
    public void Warm()
    {
        byte[] rows = new byte[WarmedAtOnce * Row.Bytes];
        long[] numbers = new long[WarmedAtOnce];
        RowOrder order = RowOrder.Shuffled(Matrix.Rows, seed: 1);
        for (long position = 0; position < Matrix.Rows;)
        {
            int count = order.CopyTo(epoch: 0, position, numbers);
            Matrix.Gather(numbers.AsSpan(0, count), rows.AsSpan(0, count * Row.Bytes));
            position += count;
        }
    }

    public IBatches ReadBatches(RowOrder order, int batchRows, long epoch, long position) =>
        new Batches(Matrix.ReadBatches(order, batchRows, epoch, position));

    public void Dispose() => Pager.Dispose();

    private sealed class Batches(BatchReader<byte> reader) : IBatches
    {
        public ReadOnlySpan<byte> Current => reader.Current;

        public ReadOnlySpan<long> Rows => reader.Rows;

        public void MoveNext()
        {
            // False says that an epoch ended; the next move begins another.
            while (!reader.MoveNext())
            {
            }
        }

        public void Dispose() => reader.Dispose();
    }
}

/// <summary>The rows' file as it is.</summary>
internal sealed class PagingMapped : PagingRows
{
    public PagingMapped(PeerContext context, CompressionGoal goal)
        : base(PagingBudgets.For(context, Row.Bytes) with { Compression = goal })
    {
        string path = context.PathOf("rows.bin");
        context.Once("rows.bin", () => MappedView.Copy(context.RowFile, path));
        PageCache.Drop(context.Directory);
        Matrix = Pager.MapFileMatrix<byte>(path, Row.Bytes);
    }

    public override string Settings => $"MapFileMatrix over the file; {PagingBudgets.Describe(Pager.Options)}";
}

/// <summary>A matrix that was saved, and is opened.</summary>
internal sealed class PagingDataset : PagingRows
{
    public PagingDataset(PeerContext context, int pageBytes)
        : base(PagingBudgets.For(context, pageBytes))
    {
        string path = context.PathOf("rows.zarr");
        context.Once("rows.zarr", () => Save(context, path, pageBytes));
        Matrix = Pager.OpenMatrix<byte>(path);
    }

    public override string Settings => $"OpenMatrix of a dataset saved with Speed (LZ4), a chunk a page; {PagingBudgets.Describe(Pager.Options)}";

    private static void Save(PeerContext context, string path, int pageBytes)
    {
        using Pager pager = new(PagingBudgets.For(context, pageBytes));
        using PagedMatrix<byte> rows = pager.MapFileMatrix<byte>(context.RowFile, Row.Bytes);
        rows.Save(path, new DatasetOptions { Compression = CompressionGoal.Speed, ChunkBytes = pageBytes, Overwrite = true });
    }
}

/// <summary>A matrix in frames and pool, with a swap file behind them. It keeps nothing between runs: it is loaded each time.</summary>
internal sealed class PagingAllocated : PagingRows
{
    public PagingAllocated(PeerContext context)
        : base(WithSwapFile(context))
    {
        Matrix = Pager.AllocateMatrix<byte>(context.Rows, Row.Bytes);
        RowFile.ForEach(context.RowFile, (first, rows) => Matrix.CopyFrom(first, rows.Span));
    }

    public override string Settings => $"AllocateMatrix, a swap file; {PagingBudgets.Describe(Pager.Options)}";

    private static PagerOptions WithSwapFile(PeerContext context) => PagingBudgets.For(context, Row.Bytes) with
    {
        SwapFiles = [new SwapFileOptions { Path = context.Directory, Bytes = (context.DataBytes * 5 / 4) & ~4095L }],
    };
}
