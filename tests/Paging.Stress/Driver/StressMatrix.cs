namespace Paging.Stress.Driver;

/// <summary>A matrix beside its model. Its pages belong to the threads in turns, and each fifth or so to nobody, who only reads it. Rows are
/// gathered from all of them; those that others may be writing are not compared.</summary>
internal sealed class StressMatrix : StressArray
{
    private const int MostGathered = 60;

    private readonly PagedMatrix<int> _matrix;
    private readonly int[] _model;
    private readonly int[][] _seen;
    private readonly long[][] _rows;
    private readonly int _index;
    private readonly int _threads;
    private readonly int _columns;
    private readonly int _pageBytes;

    public StressMatrix(Pager pager, int index, long bytes, int pageBytes, int threads)
    {
        _index = index;
        _threads = threads;
        _pageBytes = pageBytes;

        // Seven rows to a page, which leaves a little behind them.
        _columns = (pageBytes / sizeof(int) / 7) - 1;
        long pages = Math.Max(bytes / pageBytes, 4 * (threads + 1));
        _matrix = pager.AllocateMatrix<int>((pages * 7) - 3, _columns, new PagedArrayOptions { PageBytes = pageBytes, Name = "matrix" });
        _model = new int[_matrix.Rows * _columns];
        _seen = [.. Enumerable.Range(0, threads).Select(_ => new int[MostGathered * _columns])];
        _rows = [.. Enumerable.Range(0, threads).Select(static _ => new long[MostGathered])];
    }

    public override int PageLength => _matrix.RowsPerPage * _columns;

    public override long HeldBytes
    {
        get
        {
            long held = 0;
            for (int start = 0; start < _model.Length; start += PageLength)
            {
                ReadOnlySpan<int> page = _model.AsSpan(start, Math.Min(PageLength, _model.Length - start));
                held += page.IndexOfAnyExcept(page[0]) < 0 ? 0 : _pageBytes;
            }

            return held;
        }
    }

    public override void FillPages(ulong salt, bool readOnly)
    {
        var rng = new Rng(salt);
        for (long row = 0; row < _matrix.Rows; row++)
        {
            if (OwnerOf(row) != _threads != readOnly)
            {
                Span<int> model = Model(row);
                Content.Write(Content.Pick(ref rng), rng.Next(), model);
                try
                {
                    using WriteLease<int> lease = _matrix.WriteRow(row);
                    model.CopyTo(lease.Span);
                }
                catch (OutOfPagingSpaceException) when (!readOnly)
                {
                    model.Clear();
                    break;
                }
            }
        }
    }

    public override void Step(Worker worker)
    {
        switch (worker.Rng.Next(10))
        {
            case < 4:
                Write(worker, PickRow(worker, worker.Id));
                break;
            case < 6:
                Read(worker, PickRow(worker, worker.Rng.Chance(50) ? worker.Id : _threads));
                break;
            default:
                Gather(worker);
                break;
        }
    }

    public override void MakeRoom(Worker worker)
    {
        long row = PickRow(worker, worker.Id);
        row -= row % _matrix.RowsPerPage;
        long count = Math.Min(_matrix.RowsPerPage, _matrix.Rows - row);
        worker.Log.Begin(Operation.Discard, _index, row * _columns, (int)count * _columns);
        try
        {
            _matrix.Discard(row, count);
        }
        catch (OutOfPagingSpaceException e)
        {
            throw Failure("discarding whole pages was refused", row, e);
        }

        _model.AsSpan((int)row * _columns, (int)count * _columns).Clear();
    }

    public override void VerifyAll()
    {
        for (long row = 0; row < _matrix.Rows; row++)
        {
            _rows[0][0] = row;
            _matrix.Gather(_rows[0].AsSpan(0, 1), _seen[0]);
            Compare(row, _seen[0].AsSpan(0, _columns));
        }
    }

    public override void Dispose() => _matrix.Dispose();

    /// <summary>The thread that writes a row; the number of threads for one that nobody writes.</summary>
    private int OwnerOf(long row) => (int)(row / _matrix.RowsPerPage % (_threads + 1));

    private Span<int> Model(long row) => _model.AsSpan((int)row * _columns, _columns);

    private long PickRow(Worker worker, int owner)
    {
        long turns = (_matrix.Rows / _matrix.RowsPerPage / (_threads + 1)) - 1;
        long turn = worker.Rng.Chance(50) ? worker.Rng.Next(Math.Max(1, turns / 8)) : worker.Rng.Next(turns);
        return ((((turn * (_threads + 1)) + owner) * _matrix.RowsPerPage) + worker.Rng.Next(_matrix.RowsPerPage));
    }

    private void Read(Worker worker, long row)
    {
        ref OperationLog.Entry entry = ref worker.Log.Begin(Operation.Read, _index, row * _columns, _columns);
        try
        {
            using ReadLease<int> lease = _matrix.ReadRow(row);
            Compare(row, lease.Span);
        }
        catch (OutOfPagingSpaceException e) when (Model(row).IndexOfAnyExcept(0) < 0)
        {
            // An untouched page needs a frame.
            entry.Refused = true;
            worker.Refuse(e);
        }
    }

    private void Write(Worker worker, long row)
    {
        ref OperationLog.Entry entry = ref worker.Log.Begin(Operation.Write, _index, row * _columns, _columns);
        entry.Kind = Content.Pick(ref worker.Rng);
        try
        {
            using WriteLease<int> lease = _matrix.WriteRow(row);
            Content.Write(entry.Kind, worker.Rng.Next(), lease.Span);
            lease.Span.CopyTo(Model(row));
            worker.Written++;
        }
        catch (OutOfPagingSpaceException e)
        {
            entry.Refused = true;
            worker.Refuse(e);
        }
    }

    private void Gather(Worker worker)
    {
        Span<long> rows = _rows[worker.Id].AsSpan(0, 1 + worker.Rng.Next(MostGathered));
        foreach (ref long row in rows)
        {
            row = worker.Rng.Next(8) switch
            {
                0 => worker.Rng.Next(_matrix.Rows),
                < 5 => PickRow(worker, worker.Id),
                _ => PickRow(worker, _threads),
            };
        }

        worker.Log.Begin(Operation.Gather, _index, rows[0] * _columns, _columns);
        Span<int> seen = _seen[worker.Id].AsSpan(0, rows.Length * _columns);
        _matrix.Gather(rows, seen);
        for (int i = 0; i < rows.Length; i++)
        {
            if (OwnerOf(rows[i]) == worker.Id || OwnerOf(rows[i]) == _threads)
                Compare(rows[i], seen.Slice(i * _columns, _columns));
        }
    }

    private void Compare(long row, ReadOnlySpan<int> seen)
    {
        int i = Content.FirstDifference(Model(row), seen);
        if (i >= 0)
            throw Failure($"column {i} is {seen[i]:x8}, not {Model(row)[i]:x8}", row);
    }

    private StressFailure Failure(string message, long row, Exception? inner = null) => new(
        $"matrix {_index}, row {row}: {message}",
        _index, row / _matrix.RowsPerPage * PageLength, ((row / _matrix.RowsPerPage) + 1) * PageLength, inner);
}
