using System.Diagnostics;
using Paging.Residency;
using Paging.Threading;

namespace Paging;

/// <summary>Gathers batches ahead of a <see cref="BatchReader{T}"/>, on threads of its own, into a ring of buffers.</summary>
/// <remarks>
/// The reader has one buffer, the batch that it shows, and the threads fill the others: two of them where there are so many, so that one
/// has reads under way while the other one waits for the last pages of its batch. Batches have numbers, and may be complete in another
/// order; the reader takes them in theirs. What is in the section of the lock is guarded by it; a batch belongs to the thread that has its
/// number until it is complete, and from then on to the reader until it is let go.
///
/// A failure is handed to the reader like a batch. No batch behind one that is to be tried again is begun until the reader has taken it,
/// who may make room meanwhile, and what others have done behind it by then is void. It does not keep the reader alive, which stops it when
/// it is collected.
/// </remarks>
internal sealed class BatchProducer<T>
    where T : unmanaged
{
    private const int MaxThreads = 2;

    private readonly PagedMatrix<T> _matrix;
    private readonly RowOrder _order;
    private readonly WindowFetcher? _windows;
    private readonly Batch<T>[] _ring;
    private readonly int _batchRows;
    private readonly Condition _condition = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread[] _threads;

    // The lock's section.

    /// <summary>The number of the batch that is begun next. Those from <see cref="_letGo"/> up to it have a buffer each.</summary>
    private long _next;
    private long _letGo;

    /// <summary>Where the next one begins.</summary>
    private long _epoch;
    private long _position;

    /// <summary>The number of the last one that failed and is to be tried again.</summary>
    private long _failed = -1;

    /// <summary>Batches behind it that threads are still at.</summary>
    private int _void;
    private int _running;
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

        _windows = matrix.FetchWindows(order);

        // The one that is shown is filled by nobody.
        _threads = new Thread[Math.Clamp(buffers - 1, 1, MaxThreads)];
        _running = _threads.Length;
        int started = 0;
        try
        {
            for (; started < _threads.Length; started++)
            {
                _threads[started] = Threads.Start(Run, "Paging batches", "a BatchReader needs one to gather batches ahead");
            }
        }
        finally
        {
            if (started < _threads.Length)
            {
                Stop();
            }
        }
    }

    /// <summary>Takes the next batch, if it is there. It is the caller's until <see cref="LetGo"/>.</summary>
    /// <returns>Null when it is not there yet.</returns>
    internal Batch<T>? TryTake()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Batch<T>? batch = IsReady ? BatchAt(_letGo) : null;
        _condition.Exit(interrupted);
        return batch;
    }

    /// <summary>As <see cref="TryTake"/>, but waits.</summary>
    /// <returns>Null when the producer was stopped meanwhile.</returns>
    internal Batch<T>? Take()
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        while (!IsReady && !_isStopped)
        {
            _condition.Wait(ref interrupted);
        }

        Batch<T>? batch = _isStopped ? null : BatchAt(_letGo);
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
        if (!IsReady && !_isStopped)
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
        Debug.Assert(IsReady, "a batch was taken");
        BatchAt(_letGo).IsComplete = false;
        _letGo++;
        _condition.PulseAll();
        _condition.Exit(interrupted);
    }

    /// <summary>Lets the threads end after the batches that they are at. May be called twice.</summary>
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
        _windows?.Cancel();
    }

    internal void Join()
    {
        foreach (Thread thread in _threads)
        {
            Uninterrupted.Join(thread);
        }
    }

    /// <summary>Complete when no thread touches anything any more.</summary>
    internal Task WhenEnded() => _ended.Task;

    private bool IsReady => _letGo != _next && BatchAt(_letGo).IsComplete;

    private Batch<T> BatchAt(long number) => _ring[number % _ring.Length];

    private void Run()
    {
        while (TryBegin(out long number))
        {
            Batch<T> batch = BatchAt(number);
            Fill(batch);
            End(number, batch);
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _windows?.End();
            _ended.SetResult();
        }
    }

    /// <summary>Waits for a buffer to fill, and says with which rows.</summary>
    /// <returns>False when the thread is to end.</returns>
    private bool TryBegin(out long number)
    {
        // The thread is the library's own: nobody interrupts it.
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        while (!_isStopped && (_failed >= _letGo || _void != 0 || _next - _letGo == _ring.Length))
        {
            _condition.Wait(ref interrupted);
        }

        number = _next;
        bool goesOn = !_isStopped;
        if (goesOn)
        {
            // An epoch that ends here ends for the reader, too, when it has taken what came before.
            if (_position == _order.Rows)
            {
                _epoch = BatchReader<T>.After(_epoch);
                _position = 0;
            }

            Batch<T> batch = BatchAt(number);
            batch.Epoch = _epoch;
            batch.Position = _position;
            batch.Count = (int)Math.Min(_batchRows, _order.Rows - _position);
            _position += batch.Count;
            _next++;
        }

        _condition.Exit(interrupted: false);
        return goesOn;
    }

    private void Fill(Batch<T> batch)
    {
        batch.Failure = null;
        try
        {
            Span<long> rows = batch.Prepare(_batchRows, _matrix.Columns);
            _order.CopyTo(batch.Epoch, batch.Position, rows);
            _windows?.Enter(batch.Epoch, batch.Position, batch.Count);
            _matrix.Gather(rows, batch.Elements);
        }
        catch (Exception e)
        {
            // For the reader.
            batch.Failure = e;
        }
    }

    private void End(long number, Batch<T> batch)
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        TaskCompletionSource? waiter = null;
        if (number >= _next)
        {
            _void--;
        }
        else
        {
            batch.IsComplete = true;
            if (!batch.IsPassed)
            {
                GoBackUnsynchronized(number, batch);
            }

            if (IsReady)
            {
                waiter = _waiter;
                _waiter = null;
            }
        }

        _condition.PulseAll();
        _condition.Exit(interrupted: false);
        waiter?.TrySetResult();
    }

    /// <summary>A batch is to be tried again: so nothing behind it counts.</summary>
    private void GoBackUnsynchronized(long number, Batch<T> batch)
    {
        for (long later = number + 1; later < _next; later++)
        {
            _void += BatchAt(later).IsComplete ? 0 : 1;
            BatchAt(later).IsComplete = false;
        }

        _next = number + 1;
        _failed = number;
        (_epoch, _position) = (batch.Epoch, batch.Position);
    }
}
