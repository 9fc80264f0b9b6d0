using System.Runtime.ExceptionServices;

namespace Paging;

/// <summary>Reads batch after batch, epoch after epoch, in a known order; what works ahead is the library's. Made by
/// <see cref="PagedMatrix{T}.ReadBatches"/>.</summary>
/// <typeparam name="T">The matrix's element.</typeparam>
/// <remarks>
/// <para>One reader, one thread: its members may be called by different threads, but not at the same time. Only <see cref="Dispose"/> may
/// come from another thread meanwhile. Any number of readers may read a matrix, and other threads may write other rows of it. A batch holds
/// what its rows held when it was gathered, up to batchesAhead batches before it is shown.</para>
/// <para>Batches are gathered (<see cref="PagedMatrix{T}.Gather"/>) by two threads that each reader has; by one, where one batch is gathered
/// ahead at most. They hold no lease: the matrix can be disposed, and then the next move says so. A reader that is dropped without being
/// disposed ends its threads when it is collected.</para>
/// </remarks>
public sealed class BatchReader<T> : IDisposable, IAsyncDisposable
    where T : unmanaged
{
    private readonly PagedMatrix<T> _matrix;
    private readonly RowOrder _order;
    private readonly TimeProvider _time;
    private readonly BatchProducer<T> _producer;

    /// <summary>What is shown.</summary>
    private Batch<T>? _current;

    /// <summary>Set by any thread, once.</summary>
    private bool _isDisposed;

    internal BatchReader(PagedMatrix<T> matrix, RowOrder order, int batchRows, long epoch, long position, int buffers, TimeProvider time)
    {
        _matrix = matrix;
        _order = order;
        _time = time;
        Epoch = epoch;
        Position = position;
        try
        {
            _producer = new BatchProducer<T>(matrix, order, batchRows, epoch, position, buffers);
        }
        catch
        {
            GC.SuppressFinalize(this);
            throw;
        }
    }

    /// <summary>Ends the threads of a reader that was dropped.</summary>
    ~BatchReader() => _producer.Stop();

    /// <summary>Rows × <see cref="PagedMatrix{T}.Columns"/> elements, valid until the next move. Empty before the first move, and behind an
    /// epoch or a failure.</summary>
    /// <exception cref="ObjectDisposedException">The reader is disposed.</exception>
    public ReadOnlySpan<T> Current => CurrentMemory.Span;

    /// <summary>The same as memory that may cross an await or be handed to a tensor library. It does not move. From the next move on it
    /// shows another batch; it is never unmapped.</summary>
    /// <exception cref="ObjectDisposedException">The reader is disposed.</exception>
    public ReadOnlyMemory<T> CurrentMemory
    {
        get
        {
            ThrowIfDisposed();
            return _current is { } batch ? batch.Elements.AsMemory(0, batch.Count * _matrix.Columns) : default;
        }
    }

    /// <summary>The numbers of the rows of the batch, valid until the next move. As many as were asked for, but in the last batch of an
    /// epoch.</summary>
    /// <exception cref="ObjectDisposedException">The reader is disposed.</exception>
    public ReadOnlySpan<long> Rows
    {
        get
        {
            ThrowIfDisposed();
            return _current is { } batch ? batch.Rows : default;
        }
    }

    /// <summary>The epoch of the batch. When a move was false it is the next one's.</summary>
    public long Epoch { get; private set; }

    /// <summary>Rows of the epoch that were handed out, those of the batch included. A new reader from this <see cref="Epoch"/> and
    /// position on goes on where this one is. Both can be read when the reader is disposed, too.</summary>
    public long Position { get; private set; }

    /// <summary>Time spent waiting for batches that were not ready.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Shows the next batch, waiting for it if it is not ready.</summary>
    /// <returns>False at the end of an epoch, once; the next call begins the next one.</returns>
    /// <exception cref="PageCorruptedException">A page of the batch is damaged. The batch is left out: the next move goes on behind
    /// it.</exception>
    /// <exception cref="OutOfPagingSpaceException">There was no frame for a page of the batch. The next move tries the batch
    /// again.</exception>
    /// <exception cref="OutOfMemoryException">There was no memory for the batch. The next move tries it again.</exception>
    /// <exception cref="ObjectDisposedException">The reader, the matrix or its pager is disposed.</exception>
    public bool MoveNext()
    {
        if (!TryBegin())
        {
            return false;
        }

        Batch<T>? batch = _producer.TryTake();
        if (batch is null)
        {
            long start = _time.GetTimestamp();
            batch = _producer.Take();
            Waited += _time.GetElapsedTime(start);
        }

        return Show(batch);
    }

    /// <summary>Shows the next batch, as <see cref="MoveNext"/> does, without holding the thread while it is not ready.</summary>
    /// <param name="cancellationToken">Ends the wait. The reader stays as it is, and the next move shows the same batch; the one shown
    /// before is gone, unless the token was cancelled beforehand.</param>
    /// <returns>False at the end of an epoch, once. Completed at once when the batch is ready. The exceptions of <see cref="MoveNext"/> are
    /// the task's. Await it before the next call.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, which the task says.</exception>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!TryBegin())
        {
            return false;
        }

        Batch<T>? batch = _producer.TryTake();
        if (batch is null)
        {
            long start = _time.GetTimestamp();
            try
            {
                while (batch is null)
                {
                    await _producer.WhenAny(cancellationToken).ConfigureAwait(false);
                    ThrowIfDisposed();
                    batch = _producer.TryTake();
                }
            }
            finally
            {
                Waited += _time.GetElapsedTime(start);
            }
        }

        return Show(batch);
    }

    /// <summary>Ends the reader, and waits for the batches that are being gathered. A move that waits on another thread ends with
    /// <see cref="ObjectDisposedException"/>. Doing it again does nothing.</summary>
    public void Dispose()
    {
        Stop();
        _producer.Join();
        GC.SuppressFinalize(this);
    }

    /// <summary>As <see cref="Dispose"/>, without holding the thread.</summary>
    /// <returns>Complete when no thread is at work for the reader any more.</returns>
    public ValueTask DisposeAsync()
    {
        Stop();
        GC.SuppressFinalize(this);
        return new ValueTask(_producer.WhenEnded());
    }

    /// <summary>The epoch that follows.</summary>
    internal static long After(long epoch) => epoch == long.MaxValue ? 0 : epoch + 1;

    private void Stop()
    {
        Volatile.Write(ref _isDisposed, true);
        _producer.Stop();
    }

    /// <summary>Leaves the batch that is shown.</summary>
    /// <returns>False when the epoch has come to its end.</returns>
    private bool TryBegin()
    {
        ThrowIfDisposed();
        _matrix.ThrowIfDisposed();
        LetGo();
        if (Position == _order.Rows)
        {
            Epoch = After(Epoch);
            Position = 0;
            return false;
        }

        return true;
    }

    /// <param name="batch">The next one; null when the reader was disposed meanwhile.</param>
    private bool Show(Batch<T>? batch)
    {
        ObjectDisposedException.ThrowIf(batch is null, this);
        _current = batch;
        Position += batch.IsPassed ? batch.Count : 0;
        if (batch.Failure is { } failure)
        {
            LetGo();
            ExceptionDispatchInfo.Throw(failure);
        }

        return true;
    }

    private void LetGo()
    {
        if (_current is not null)
        {
            _current = null;
            _producer.LetGo();
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed), this);
}
