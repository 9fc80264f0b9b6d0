using Paging.Residency;

namespace Paging;

/// <summary>The array as bytes.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>A stream over the array's bytes, as they lie in memory, element after element.</summary>
    /// <param name="writable">Whether it can be written.</param>
    /// <returns>It seeks, and has a fixed length: <see cref="Length"/> times the size of an element. Disposing it leaves the array
    /// alone.</returns>
    /// <remarks>A position may lie within an element. Reading behind the end gives nothing; writing beyond it is a
    /// <see cref="NotSupportedException"/>, and writes nothing, and so is <see cref="Stream.SetLength"/>. Reads and writes, async ones too,
    /// are done when they return, with the exceptions of <see cref="CopyTo"/> and <see cref="CopyFrom"/>; if one fails, the position stays,
    /// and a part may have been written. <see cref="Stream.CopyTo(Stream)"/> and its async forms hand the pages to the other stream without
    /// a buffer in between, each with a lease on it meanwhile. Several streams may be in use at once, each by one thread at a
    /// time.</remarks>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public Stream AsStream(bool writable = false)
    {
        CheckOpen();
        return new PagedStream<T>(this, writable);
    }

    /// <summary>The bytes of all elements.</summary>
    internal long ByteLength => Length * sizeof(T);

    /// <summary>Bytes of a page that elements lie in. The last page may have fewer.</summary>
    private int PageByteLength => PageLength * sizeof(T);

    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    internal void CheckOpen() => _pages.Region.AwaitOpen();

    /// <summary>Copies bytes out of a range that the caller has checked.</summary>
    internal void CopyBytesTo(long position, Span<byte> destination)
    {
        CheckOpen();
        WalkBytesFrom(position).CopyTo(destination);
        GC.KeepAlive(this);
    }

    /// <summary>Copies bytes into a range that the caller has checked. Elements at its ends that are written in part keep their other
    /// bytes.</summary>
    internal void CopyBytesFrom(long position, ReadOnlySpan<byte> source)
    {
        CheckOpen();
        WalkBytesFrom(position).CopyFrom(source);
        GC.KeepAlive(this);
    }

    /// <summary>How many bytes from a position on, within its page, are zeroes that no frame holds; 0 when there may be something.</summary>
    internal int CountZeroBytes(long position)
    {
        CheckOpen();
        (long page, int offset) = LocateByte(position);
        int count = _pages.Region.IsZeroes(page) ? BytesFrom(position, offset) : 0;
        GC.KeepAlive(this);
        return count;
    }

    /// <summary>Pins the page of a byte, and spans from there to the page's end.</summary>
    internal ReadLease<byte> ReadBytes(long position)
    {
        CheckOpen();
        (long page, int offset) = LocateByte(position);
        byte* data = _pages.PinForLease(page, write: false, out ulong* word);
        return new ReadLease<byte>(data + offset, BytesFrom(position, offset), word, _pages.Region);
    }

    /// <summary>As <see cref="ReadBytes"/>, without blocking the thread on files.</summary>
    internal ValueTask<PageOwner<byte>> PinBytesAsync(long position, CancellationToken cancellation)
    {
        CheckOpen();
        (long page, int offset) = LocateByte(position);
        return PinOperation<byte>.Pin(_pages.Region, page, offset, BytesFrom(position, offset), writable: false, cancellation);
    }

    private PageWalker<byte> WalkBytesFrom(long position)
    {
        (long page, int offset) = LocateByte(position);
        return new PageWalker<byte>(ref _pages, page, offset, PageByteLength);
    }

    private (long Page, int Offset) LocateByte(long position)
    {
        (long page, long offset) = Math.DivRem(position, PageByteLength);
        return (page, (int)offset);
    }

    private int BytesFrom(long position, int offset) => (int)Math.Min(PageByteLength - offset, ByteLength - position);
}
