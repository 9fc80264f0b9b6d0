using Paging.Peers.Data;

namespace Paging.Peers.Workloads;

/// <summary>Batches of a peer that has no reader of its own: what a user would write, a thread that gathers up to two batches ahead.</summary>
/// <remarks>Only that thread touches the peer. A batch belongs to it until it is handed over through <c>_full</c>, and to the reader until
/// it is handed back through <c>_empty</c>.</remarks>
internal sealed class AheadBatches : IBatches
{
    private const int Ahead = 2;
    private readonly IRowReader _rows;
    private readonly RowOrder _order;
    private readonly int _batchRows;
    private readonly System.Collections.Concurrent.BlockingCollection<Batch> _full = [];
    private readonly System.Collections.Concurrent.BlockingCollection<Batch> _empty = [];
    private readonly Thread _thread;
    private Batch? _current;

    /// <summary>Set by the thread before it completes <c>_full</c>.</summary>
    private Exception? _failure;

    public AheadBatches(IRowReader rows, RowOrder order, int batchRows, long epoch, long position)
    {
        _rows = rows;
        _order = order;
        _batchRows = batchRows;
        for (int i = 0; i <= Ahead; i++)
        {
            _empty.Add(new Batch(new long[batchRows], new byte[batchRows * Row.Bytes]));
        }

        _thread = new Thread(() => Gather(epoch, position)) { IsBackground = true, Name = "batches ahead" };
        _thread.Start();
    }

    public ReadOnlySpan<byte> Current => _current!.Bytes.AsSpan(0, _current.Count * Row.Bytes);

    public ReadOnlySpan<long> Rows => _current!.Rows.AsSpan(0, _current.Count);

    public void MoveNext()
    {
        if (_current is not null)
        {
            _empty.Add(_current);
        }

        if (!_full.TryTake(out _current, Timeout.Infinite))
        {
            throw new IOException("Gathering ahead failed.", _failure);
        }
    }

    public void Dispose()
    {
        _empty.CompleteAdding();
        _thread.Join();
        _full.Dispose();
        _empty.Dispose();
    }

    private void Gather(long epoch, long position)
    {
        try
        {
            foreach (Batch batch in _empty.GetConsumingEnumerable())
            {
                if (_empty.IsAddingCompleted)
                {
                    return;
                }

                batch.Count = _order.CopyTo(epoch, position, batch.Rows.AsSpan(0, _batchRows));
                _rows.Gather(batch.Rows.AsSpan(0, batch.Count), batch.Bytes);
                position += batch.Count;
                if (position == _order.Rows)
                {
                    position = 0;
                    epoch++;
                }

                _full.Add(batch);
            }
        }
        catch (Exception e) // the reader is told
        {
            _failure = e;
        }
        finally
        {
            _full.CompleteAdding();
        }
    }

    private sealed class Batch(long[] rows, byte[] bytes)
    {
        public long[] Rows { get; } = rows;

        public byte[] Bytes { get; } = bytes;

        public int Count { get; set; }
    }
}
