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
        _pages.Region.AwaitOpen();
        return new PagedStream<T>(this, writable);
    }

    /// <summary>For the stream. The array is to be kept alive as long as it is used.</summary>
    internal ref readonly PageAccessor Pages => ref _pages;
}
