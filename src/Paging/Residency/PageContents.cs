using System.Runtime.CompilerServices;

namespace Paging.Residency;

/// <summary>What a page is filled with when it gets a frame.</summary>
internal readonly unsafe struct PageContents
{
    private readonly byte* _source;
    private readonly int _bytes;
    private readonly int _times;

    /// <param name="source">Bytes for the page's beginning; zeroes follow.</param>
    /// <param name="bytes">How many.</param>
    internal PageContents(nint source, int bytes)
        : this((byte*)source, bytes, 1)
    {
    }

    private PageContents(byte* source, int bytes, int times)
    {
        _source = source;
        _bytes = bytes;
        _times = times;
    }

    /// <summary>The page's own: zeroes for an untouched one, what is stored for a swapped one.</summary>
    internal static PageContents Own => default;

    internal bool IsOwn => _source == null;

    /// <summary>An element repeated, and zeroes behind.</summary>
    internal static PageContents Repeat(byte* element, int bytes, int times) => new(element, bytes, times);

    internal void CopyTo(byte* page, int pageBytes)
    {
        // The source may lie in this very page, where a lease of the caller's spans it.
        Buffer.MemoryCopy(_source, page, pageBytes, _bytes);

        // What is filled doubles, up to all of it.
        int total = _bytes * _times;
        for (int done = _bytes; done < total; done <<= 1)
        {
            Unsafe.CopyBlockUnaligned(page + done, page, (uint)Math.Min(done, total - done));
        }

        Unsafe.InitBlockUnaligned(page + total, 0, (uint)(pageBytes - total));
    }
}
