using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>Plain arrays with all the memory they want.</summary>
internal sealed class ManagedArrays : IRowWriter, IRowToucher, IAssetReader
{
    private const int RowsAnArray = 16 << 10;
    private readonly byte[][] _arrays;

    public ManagedArrays(PeerContext context)
    {
        _arrays = new byte[(context.Rows + RowsAnArray - 1) / RowsAnArray][];
        for (int i = 0; i < _arrays.Length; i++)
        {
            _arrays[i] = new byte[Math.Min(RowsAnArray, context.Rows - ((long)i * RowsAnArray)) * Row.Bytes];
        }

        RowFile.ForEach(context.RowFile, (first, rows) =>
        {
            for (int i = 0; i < rows.Length; i += Row.Bytes)
            {
                rows.Span.Slice(i, Row.Bytes).CopyTo(Span(first + (i / Row.Bytes)));
            }
        });
    }

    public string Settings => "byte[] of 64 MiB each, as much memory as they take";

    public void Read(long row, Span<byte> destination) => Span(row).CopyTo(destination);

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            Span(rows[i]).CopyTo(destination[(i * Row.Bytes)..]);
        }
    }

    public void Write(long row, ReadOnlySpan<byte> contents) => contents.CopyTo(Span(row));

    public long Touch(long row) => Row.Touch(Span(row));

    public void ReadRun(long first, int rows, Span<byte> destination)
    {
        for (int i = 0; i < rows; i++)
        {
            Span(first + i).CopyTo(destination[(i * Row.Bytes)..]);
        }
    }

    public bool TryReadRun(long first, int rows, Span<byte> destination)
    {
        ReadRun(first, rows, destination);
        return true;
    }

    public void Ahead(long first, int rows)
    {
    }

    public void Warm()
    {
    }

    public void Dispose()
    {
    }

    private Span<byte> Span(long row) => _arrays[row / RowsAnArray].AsSpan((int)(row % RowsAnArray) * Row.Bytes, Row.Bytes);
}
