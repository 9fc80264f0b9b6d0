using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Paging.Codecs;

namespace Paging.Residency;

/// <summary>What a page is filled with when it gets a frame.</summary>
internal readonly unsafe struct PageContents
{
    /// <summary>Bytes that are repeated as one, at most, unless an element is longer.</summary>
    private const int MaxBlock = 1024;

    private readonly byte* _source;
    private readonly int _bytes;
    private readonly int _times;

    /// <param name="source">Bytes for all of the page that items lie in.</param>
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

    /// <summary>An element repeated.</summary>
    internal static PageContents Repeat(byte* element, int bytes, int times) => new(element, bytes, times);

    /// <param name="page">The page's frame.</param>
    /// <param name="usedBytes">Bytes of it that items lie in.</param>
    internal void CopyTo(byte* page, int usedBytes)
    {
        int total = _bytes * _times;
        Debug.Assert(total == usedBytes, "a page is overwritten as a whole");

        // The source may lie in this very page, where a lease of the caller's spans it.
        Buffer.MemoryCopy(_source, page, usedBytes, _bytes);

        if (total >= Vector128<byte>.Count && Vector128<byte>.Count % _bytes == 0)
        {
            Spread(page, _bytes, Vector128<byte>.Count);
            SameFilled.Fill(page, total, Vector128.Load(page));
        }
        else
        {
            Spread(page, _bytes, total);
        }
    }

    /// <summary>Repeats the first bytes of a page. What is filled doubles, up to a block; that is repeated then. A copy over a distance of
    /// some kibibytes, to where it has just been written from, would take three times as long.</summary>
    private static void Spread(byte* page, int bytes, int total)
    {
        int block = bytes;
        for (int done = bytes; done < total; done += block)
        {
            block = done <= MaxBlock ? done : block;
            Unsafe.CopyBlockUnaligned(page + done, page, (uint)Math.Min(block, total - done));
        }
    }
}
