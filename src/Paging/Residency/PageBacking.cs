using Paging.Swap;

namespace Paging.Residency;

/// <summary>What the untouched pages of an array hold, where that is not zeroes. A fault of such a page asks the backing; the page is clean
/// then, and has no stored copy. What a program writes goes the way of all dirty pages, and never here.</summary>
/// <remarks>Thread-safe. A page is asked for under a claim, by a thread that holds nothing else others need: so it may wait for a device. A
/// backing that can be had without waiting, or one in chunks of several pages, fits here as well.</remarks>
internal abstract unsafe class PageBacking
{
    /// <summary>Fills a frame.</summary>
    /// <param name="page">The page's number in the array.</param>
    /// <param name="frame">Receives the page. If this fails, its contents mean nothing.</param>
    /// <param name="bytes">The bytes of the page that items lie in.</param>
    internal abstract LoadResult Load(long page, byte* frame, int bytes);

    /// <summary>How many neighbouring pages are read at once, at most.</summary>
    internal abstract int PagesARead { get; }

    /// <summary>Begins to read pages that are about to be asked for by the same thread: see <see cref="BackingReads"/>.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">How many neighbours that are.</param>
    /// <param name="lastBytes">The bytes of the last one that items lie in.</param>
    /// <param name="read">What is begun.</param>
    /// <returns>False when that is not possible now. Then nothing has changed.</returns>
    internal abstract bool TryBeginRead(long first, int count, int lastBytes, BackingRead read);

    /// <summary>The array is closed: lets go of what this holds. No page is asked for any more. May be called again.</summary>
    internal abstract void Release();
}
