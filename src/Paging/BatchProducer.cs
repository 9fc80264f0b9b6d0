using System.Diagnostics;
using Paging.Residency;
using Paging.Threading;

namespace Paging;

/// <summary>Gathers batches ahead of a <see cref="BatchReader{T}"/>, on a thread of its own, into a ring of buffers.</summary>
/// <remarks>
/// The reader has one buffer, the batch that it shows, and the thread fills the others, one after another. What is in the section of the
/// lock is guarded by it; a batch belongs to the thread until it counts as filled, and from then on to the reader until it is let go.
///
/// A failure takes a place in the ring like a batch. The thread then waits until the reader has taken it, who may make room before the
/// batch is tried again. It does not keep the reader alive, which stops it when it is collected.
/// </remarks>
internal sealed class BatchProducer<T>
    where T : unmanaged
{
    private readonly PagedMatrix<T> _matrix;
    private readonly RowOrder _order;
    private readonly Batch<T>[] _ring;
    private readonly int _batchRows;
    private readonly Condition _condition = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;

    // The thread's own: what it fills next.
    private long _epoch;
    private long _position;

    // The lock's section.

    /// <summary>Batches that were filled, or failed, and that were let go of. Between them, at most as many as the ring is long.</summary>
    private long _filled;
    private long _letGo;

    /// <summary>The number of the last one that failed.</summary>
    private long _failed = -1;
    private bool _isStopped;

    /// <summary>Completed when there is something to take. Made by the reader, when it finds nothing.</summary>
    private TaskCompletionSource? _waiter;

    /// <param name="matrix">The rows.</param>
    /// <param name="order">The order.</param>
    /// <param name="batchRows">Rows in a batch.</param>
    /// <param name="epoch">Where to begin.</param>
    /// <param name="position">Where in it.</param>
    /// <param name="buffers">Batches in the ring.</param>
    internal BatchProducer(PagedMatrix<T> matrix, RowOrder order, int batchRows, long epoch, long position, int buffers)
    {
        _matrix = matrix;
        _order = order;
        _batchRows = batchRows;
        _epoch = epoch;
        _position = position;
        _ring = new Batch<T>[buffers];
        for (int i = 0; i < buffers; i++)
        {
            _ring[i] = new Batch<T>();
        }

        _thread = Threads.Start(Run, "Paging batches", "a BatchReader needs one to gather batches ahead");
    }

    /// <summary>Takes the next batch, if it is there. It is the caller's until <see cref="LetGo"/>.</summary>
    /// <returns>Null when it is not there yet.</returns>
    internal Batch<T>? TryTake()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Batch<T>? batch = _filled != _letGo ? _ring[_letGo % _ring.Length] : null;
        _condition.Exit(interrupted);
        return batch;
    }

    /// <summary>As <see cref="TryTake"/>, but waits.</summary>
    /// <returns>Null when the producer was stopped meanwhile.</returns>
    internal Batch<T>? Take()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        while (_filled == _letGo && !_isStopped)
        {
            _condition.Wait(ref interrupted);
        }

        Batch<T>? batch = _isStopped ? null : _ring[_letGo % _ring.Length];
        _condition.Exit(interrupted);
        return batch;
    }

    /// <summary>A task that is complete when there is something to take, or the producer was stopped. Not in use when another one is
    /// asked for.</summary>
    internal Task WhenAny(CancellationToken cancellationToken)
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        TaskCompletionSource? waiter = null;
        if (_filled == _letGo && !_isStopped)
        {
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiter = waiter;
        }

        _condition.Exit(interrupted);
        return waiter is null ? Task.CompletedTask : waiter.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Gives the batch back that was taken last, to be filled anew.</summary>
    internal void LetGo()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Debug.Assert(_filled != _letGo, "a batch was taken");
        _letGo++;
        _condition.PulseAll();
        _condition.Exit(interrupted);
    }

    /// <summary>Lets the thread end after the batch that it is at. May be called twice.</summary>
    internal void Stop()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        _isStopped = true;
        TaskCompletionSource? waiter = _waiter;
        _waiter = null;
        _condition.PulseAll();
        _condition.Exit(interrupted);
        waiter?.TrySetResult();
    }

    internal void Join() => Uninterrupted.Join(_thread);

    /// <summary>Complete when the thread touches nothing any more.</summary>
    internal Task WhenEnded() => _ended.Task;

    private void Run()
    {
        while (TryGetRoom(out long number))
        {
            Fill(_ring[number % _ring.Length]);
        }

        _ended.SetResult();
    }

    /// <summary>Waits for a buffer to fill.</summary>
    /// <returns>False when the thread is to end.</returns>
    private bool TryGetRoom(out long number)
    {
        // The thread is the library's own: nobody interrupts it.
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        while (!_isStopped && (_failed >= _letGo || _filled - _letGo == _ring.Length))
        {
            _condition.Wait(ref interrupted);
        }

        number = _filled;
        bool goesOn = !_isStopped;
        _condition.Exit(interrupted: false);
        return goesOn;
    }

    private void Fill(Batch<T> batch)
    {
        // An epoch that ends here ends for the reader, too, when it has taken what came before.
        if (_position == _order.Rows)
        {
            _epoch = BatchReader<T>.After(_epoch);
            _position = 0;
        }

        batch.Failure = null;
        batch.Count = (int)Math.Min(_batchRows, _order.Rows - _position);
        try
        {
            Span<long> rows = batch.Prepare(_batchRows, _matrix.Columns);
            _order.CopyTo(_epoch, _position, rows);
            _matrix.Gather(rows, batch.Elements);
        }
        catch (Exception e)
        {
            // For the reader.
            batch.Failure = e;
        }

        _position += batch.IsPassed ? batch.Count : 0;
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        _failed = batch.Failure is null ? _failed : _filled;
        _filled++;
        TaskCompletionSource? waiter = _waiter;
        _waiter = null;
        _condition.PulseAll();
        _condition.Exit(interrupted: false);
        waiter?.TrySetResult();
    }
}
