using Paging.Residency;

namespace Paging;

/// <summary>The bytes of an array as a stream of fixed length. All it does is done on the calling thread, but for
/// <see cref="CopyToAsync"/>, which waits for files without one.</summary>
/// <typeparam name="T">The array's element. Bytes may be read and written in the middle of one.</typeparam>
/// <remarks>As for other streams, one thread at a time. Pages may have padding behind their last element, which the stream passes
/// over.</remarks>
/// <param name="array">The array.</param>
/// <param name="isWritable">Whether it can be written.</param>
internal sealed class PagedStream<T>(PagedArray<T> array, bool isWritable) : Stream
    where T : unmanaged
{
    /// <summary>What untouched pages are copied to other streams from.</summary>
    private static readonly byte[] s_zeroes = new byte[4096];

    private readonly long _length = array.ByteLength;
    private long _position;
    private bool _isDisposed;

    /// <summary>The last result of <see cref="ReadAsync(byte[], int, int, CancellationToken)"/>: most are the same.</summary>
    private Task<int>? _lastRead;

    public override bool CanRead => !_isDisposed;

    public override bool CanSeek => !_isDisposed;

    public override bool CanWrite => isWritable && !_isDisposed;

    public override long Length
    {
        get
        {
            ThrowIfDisposed();
            return _length;
        }
    }

    public override long Position
    {
        get
        {
            ThrowIfDisposed();
            return _position;
        }

        set
        {
            ThrowIfDisposed();
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <summary>How many bytes there are from the position on.</summary>
    private long Remaining => Math.Max(0, _length - _position);

    public override long Seek(long offset, SeekOrigin origin)
    {
        ThrowIfDisposed();
        long from = origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            SeekOrigin.End => _length,
            _ => throw new ArgumentException($"{(int)origin} is not a place to seek from.", nameof(origin)),
        };
        if (offset > long.MaxValue - from)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{offset:N0} bytes beyond {from:N0} is no position of a stream.");
        }

        if (from + offset < 0)
        {
            throw new IOException($"{-offset:N0} bytes before {from:N0} lies before the beginning of the stream.");
        }

        _position = from + offset;
        return _position;
    }

    public override void SetLength(long value)
    {
        ThrowIfDisposed();
        throw new NotSupportedException($"The stream is over an array of {_length:N0} bytes, whose length does not change.");
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer)
    {
        ThrowIfDisposed();
        int count = (int)Math.Min(buffer.Length, Remaining);
        array.CopyBytesTo(Math.Min(_position, _length), buffer[..count]);
        _position += count;
        return count;
    }

    public override int ReadByte()
    {
        byte value = 0;
        return Read(new Span<byte>(ref value)) == 0 ? -1 : value;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<int>(cancellationToken);
        }

        try
        {
            int read = Read(buffer.AsSpan(offset, count));
            return _lastRead is { } last && last.Result == read ? last : _lastRead = Task.FromResult(read);
        }
        catch (Exception e)
        {
            return Task.FromException<int>(e);
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        try
        {
            return new ValueTask<int>(Read(buffer.Span));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ThrowIfDisposed();
        if (!isWritable)
        {
            throw new NotSupportedException("The stream is for reading only: ask for a writable one.");
        }

        if (buffer.Length > Remaining && !buffer.IsEmpty)
        {
            throw new NotSupportedException(
                $"{buffer.Length:N0} bytes at {_position:N0} lie beyond the end of the array, which has {_length:N0} and does not grow. " +
                "Nothing was written.");
        }

        array.CopyBytesFrom(Math.Min(_position, _length), buffer);
        _position += buffer.Length;
    }

    public override void WriteByte(byte value) => Write(new ReadOnlySpan<byte>(in value));

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        try
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
        catch (Exception e)
        {
            return ValueTask.FromException(e);
        }
    }

    public override void Flush() => ThrowIfDisposed();

    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        try
        {
            Flush();
            return Task.CompletedTask;
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }

    /// <summary>Hands page after page to another stream, from where it lies, with a lease on it meanwhile.</summary>
    public override void CopyTo(Stream destination, int bufferSize)
    {
        ValidateCopyToArguments(destination, bufferSize);
        ThrowIfDisposed();
        array.CheckOpen();
        while (Remaining > 0)
        {
            long position = _position;
            if (array.CountZeroBytes(position) is > 0 and int zeroes)
            {
                zeroes = Math.Min(zeroes, s_zeroes.Length);
                destination.Write(s_zeroes, 0, zeroes);
                _position = position + zeroes;
                continue;
            }

            using ReadLease<byte> lease = array.ReadBytes(position);
            destination.Write(lease.Span);
            _position = position + lease.Span.Length;
        }
    }

    /// <summary>As <see cref="CopyTo"/>; the lease crosses the awaits.</summary>
    public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
    {
        ValidateCopyToArguments(destination, bufferSize);
        ThrowIfDisposed();
        array.CheckOpen();
        return cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : CopyAsync(destination, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        // The array is its owner's.
        _isDisposed = true;
        base.Dispose(disposing);
    }

    private async Task CopyAsync(Stream destination, CancellationToken cancellation)
    {
        while (Remaining > 0)
        {
            long position = _position;
            if (array.CountZeroBytes(position) is > 0 and int zeroes)
            {
                zeroes = Math.Min(zeroes, s_zeroes.Length);
                await destination.WriteAsync(s_zeroes.AsMemory(0, zeroes), cancellation).ConfigureAwait(false);
                _position = position + zeroes;
                continue;
            }

            using PageOwner<byte> owner = await array.PinBytesAsync(position, cancellation).ConfigureAwait(false);
            await destination.WriteAsync(owner.Memory, cancellation).ConfigureAwait(false);
            _position = position + owner.Memory.Length;
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);
}
