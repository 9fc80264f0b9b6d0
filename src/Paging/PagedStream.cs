using System.Runtime.CompilerServices;
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

    private readonly long _length = array.Length * Unsafe.SizeOf<T>();

    /// <summary>Bytes of a page that elements lie in. The last page may have fewer.</summary>
    private readonly int _pageLength = array.PageLength * Unsafe.SizeOf<T>();
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
            throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"{offset:N0} bytes beyond {from:N0} is no position of a stream.");
        }

        if (from + offset < 0)
        {
            throw new IOException($"An offset of {offset:N0} from {from:N0} lies before the beginning of the stream.");
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
        ThrowIfUnusable();
        int count = (int)Math.Min(buffer.Length, Remaining);
        if (count > 0)
        {
            WalkOn().CopyTo(buffer[..count]);
            _position += count;
        }

        GC.KeepAlive(array);
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
        ThrowIfUnusable();
        if (!isWritable)
        {
            throw new NotSupportedException("The stream is for reading only: ask for a writable one.");
        }

        if (buffer.IsEmpty)
        {
            return;
        }

        if (buffer.Length > Remaining)
        {
            throw new NotSupportedException(
                $"{buffer.Length:N0} bytes at {_position:N0} lie beyond the end of the array, which has {_length:N0} and does not grow. " +
                "Nothing was written.");
        }

        WalkOn().CopyFrom(buffer);
        _position += buffer.Length;
        GC.KeepAlive(array);
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
        ThrowIfUnusable();
        while (Remaining > 0)
        {
            long position = _position;
            if (CountZeroes() is > 0 and int zeroes)
            {
                destination.Write(s_zeroes, 0, zeroes);
                _position = position + zeroes;
                continue;
            }

            using ReadLease<byte> lease = LeaseRest();
            destination.Write(lease.Span);
            _position = position + lease.Span.Length;
        }
    }

    /// <summary>As <see cref="CopyTo"/>; the lease crosses the awaits.</summary>
    public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken)
    {
        ValidateCopyToArguments(destination, bufferSize);
        ThrowIfUnusable();
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
            if (CountZeroes() is > 0 and int zeroes)
            {
                await destination.WriteAsync(s_zeroes.AsMemory(0, zeroes), cancellation).ConfigureAwait(false);
                _position = position + zeroes;
                continue;
            }

            using PageOwner<byte> owner = await PinRestAsync(cancellation).ConfigureAwait(false);
            await destination.WriteAsync(owner.Memory, cancellation).ConfigureAwait(false);
            _position = position + owner.Memory.Length;
        }
    }

    /// <summary>From the position on, which is within the array.</summary>
    private PageWalker<byte> WalkOn()
    {
        (long page, int offset) = Locate();
        return new PageWalker<byte>(in array.Pages, page, offset, _pageLength);
    }

    /// <summary>How many bytes of the page from the position on are zeroes that no frame holds, of those that are handed on at once; 0 when
    /// there may be something.</summary>
    private int CountZeroes()
    {
        (long page, int offset) = Locate();
        int count = array.Pages.Region.IsZeroes(page) ? Math.Min(RestFrom(offset), s_zeroes.Length) : 0;
        GC.KeepAlive(array);
        return count;
    }

    /// <summary>Pins the page, and spans from the position to its end.</summary>
    private unsafe ReadLease<byte> LeaseRest()
    {
        (long page, int offset) = Locate();
        ref readonly PageAccessor pages = ref array.Pages;
        byte* data = pages.PinForLease(page, write: false, out ulong* word);
        return new ReadLease<byte>(data + offset, RestFrom(offset), word, pages.Region);
    }

    /// <summary>As <see cref="LeaseRest"/>, without blocking the thread on files.</summary>
    private ValueTask<PageOwner<byte>> PinRestAsync(CancellationToken cancellation)
    {
        (long page, int offset) = Locate();
        return PinOperation<byte>.Pin(array.Pages.Region, page, offset, RestFrom(offset), writable: false, cancellation);
    }

    private (long Page, int Offset) Locate()
    {
        (long page, long offset) = Math.DivRem(_position, _pageLength);
        return (page, (int)offset);
    }

    private int RestFrom(int offset) => (int)Math.Min(_pageLength - offset, _length - _position);

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    private void ThrowIfUnusable()
    {
        ThrowIfDisposed();
        array.Pages.Region.AwaitOpen();
    }
}
