using Paging.Residency;
using Paging.Threading;

namespace Paging;

/// <summary>Brings in the pages of a window of an order before its first batch is gathered, and those of the next window while that goes
/// on.</summary>
/// <remarks>
/// A batch of a block-shuffled order has rows all over its window. Gathered by itself, it would read what it needs of every block in short
/// reads, and the next one the pages in between. A window is read as its pages lie, in reads as long as they may be, and by threads of the
/// background while batches are copied from the one before.
///
/// The next window is begun early only if that and the present one have a quarter of the frames at most each, so that what was brought in is
/// not pushed out before its rows are gathered; all readers of a pager share that quarter. A larger window is begun when its first batch is
/// due; one with more than half of the frames, or of very many blocks, not at all. It is a help: where there is no memory for it, say, the
/// batches are gathered without it.
///
/// Called by the threads of one <see cref="BatchProducer{T}"/>; what is in the section of the gate is guarded by it.
/// </remarks>
internal sealed class WindowFetcher
{
    /// <summary>A window is brought in if it has such a part of the frames at most.</summary>
    private const int Share = 2;

    /// <summary>The same while another one is in use.</summary>
    private const int ShareBeside = 4;

    /// <summary>Blocks of a window, at most: they are listed under the gate, 24 bytes each.</summary>
    private const int MaxRuns = 4096;

    /// <summary>Bytes of pages of a window of an order in sequence: as much as hides the end of one window and the beginning of the next
    /// one. Where that is more than such a share of the frames, gathering batch after batch is faster.</summary>
    private const int SequenceBytes = 4 << 20;
    private const int SequenceShare = 8;

    /// <summary>A larger window is not waited for: its first batch would come some tenths of a second late.</summary>
    private const long MaxAwaitedBytes = 64 << 20;

    private readonly PagedRegion _region;
    private readonly Divider _divider;
    private readonly RowOrder _order;
    private readonly long _windowRows;
    private readonly Gate _gate = new();

    // The gate's section.
    private Window? _newest;
    private Window? _older;

    /// <summary>The next window, if it was too large to be begun early.</summary>
    private (long Epoch, long Number) _refused = (-1, -1);
    private bool _isStopped;

    /// <param name="region">The matrix's pages.</param>
    /// <param name="divider">Rows by page.</param>
    /// <param name="rowsPerPage">Rows of a page.</param>
    /// <param name="order">In sequence or block-shuffled.</param>
    internal WindowFetcher(PagedRegion region, Divider divider, int rowsPerPage, RowOrder order)
    {
        _region = region;
        _divider = divider;
        _order = order;
        region.NoteWindowReader(1);
        _windowRows = (long)Math.Max(1, SequenceBytes >> region.Frames.PageShift) * rowsPerPage;
    }

    /// <summary>Whether an order's batches come sooner if windows are brought in for them.</summary>
    internal static bool Suits(RowOrder order, PagedRegion region) =>
        order.HasBlocks || (order.IsLocal && SequenceBytes <= (region.Frames.MaxFrames << region.Frames.PageShift) / SequenceShare);

    /// <summary>Has the windows of a batch in frames, as far as they will be, and the next one brought in.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="position">The batch's first row in it.</param>
    /// <param name="count">Its rows.</param>
    internal void Enter(long epoch, long position, int count)
    {
        EpochWindows windows = new(_order, epoch, _windowRows);
        long first = windows.At(position);
        long last = windows.At(position + count - 1);
        if (last > first + 1)
        {
            // A batch of several windows leaves nothing of them to others.
            return;
        }

        try
        {
            RunsOperation? present = Begin(epoch, windows, first, Share);
            Await(present);
            if (last != first)
            {
                present = Begin(epoch, windows, last, Share);
                Await(present);
            }

            if (present is null || present.End > Most(ShareBeside))
            {
                return;
            }

            if (last + 1 < windows.Count)
            {
                Begin(epoch, windows, last + 1, ShareBeside);
            }
            else
            {
                long next = BatchReader<byte>.After(epoch);
                Begin(next, new EpochWindows(_order, next, _windowRows), 0, ShareBeside);
            }
        }
        catch (OutOfMemoryException)
        {
            // The batch is gathered without.
        }
    }

    /// <summary>Begins nothing more, and tells the threads at work on windows to stop. May be called twice.</summary>
    internal void Cancel()
    {
        Window? newest;
        Window? older;
        using (_gate.Enter())
        {
            if (!_isStopped)
            {
                _region.NoteWindowReader(-1);
            }

            _isStopped = true;
            newest = _newest;
            older = _older;
        }

        newest?.Operation?.Cancel();
        older?.Operation?.Cancel();
    }

    /// <summary>As <see cref="Cancel"/>, and waits for the threads.</summary>
    internal void End()
    {
        Cancel();
        _newest?.Operation?.AwaitEnd();
        _older?.Operation?.AwaitEnd();
    }

    private void Await(RunsOperation? operation)
    {
        if (operation is not null && operation.End << _region.Frames.PageShift <= MaxAwaitedBytes)
        {
            operation.Await();
        }
    }

    private long Most(int share) => _region.Frames.MaxFrames / share / _region.WindowReaders;

    /// <summary>Has a window brought in, unless that was begun before.</summary>
    /// <returns>Null if it is not: it is too large, or others are behind it by now.</returns>
    private RunsOperation? Begin(long epoch, in EpochWindows windows, long number, int share)
    {
        RunsOperation? passed;
        RunsOperation? operation;
        using (_gate.Enter())
        {
            if (_newest is { } newest && (epoch, number).CompareTo((newest.Epoch, newest.Number)) <= 0)
            {
                return newest.Is(epoch, number) ? newest.Operation : _older is { } older && older.Is(epoch, number) ? older.Operation : null;
            }

            if (_isStopped || (share == ShareBeside && _refused == (epoch, number)))
            {
                return null;
            }

            operation = Prepare(windows, number, share);
            if (operation is null && share == ShareBeside)
            {
                // It may be begun when it is due.
                _refused = (epoch, number);
                return null;
            }

            // Nobody is to find it before it can be worked on.
            operation?.Start();
            passed = _older?.Operation;
            _older = _newest;
            _newest = new Window(epoch, number, operation);
        }

        // Nobody waits for what is left of it, if it was too large for that.
        passed?.Cancel();
        return operation;
    }

    private RunsOperation? Prepare(in EpochWindows windows, long window, int share)
    {
        long count = windows.RunsIn(window);
        if (count > MaxRuns)
        {
            return null;
        }

        List<PageRun> runs = new((int)count);
        for (long i = 0; i < count; i++)
        {
            (long row, long rows) = windows.RunAt(window, i);
            runs.Add(new PageRun(_divider.Divide(row).Quotient, _divider.Divide(row + rows - 1).Quotient + 1));
        }

        var operation = new RunsOperation(_region, RunsOperation.Join(runs));
        return operation.End <= Most(share) ? operation : null;
    }

    private sealed record Window(long Epoch, long Number, RunsOperation? Operation)
    {
        internal bool Is(long epoch, long number) => (Epoch, Number) == (epoch, number);
    }
}
