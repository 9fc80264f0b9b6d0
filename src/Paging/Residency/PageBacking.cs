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

    /// <summary>Says where a page is in a file, so that it is read together with its neighbours before it is asked for: see
    /// <see cref="ReadPlan"/>. <see cref="Load"/> finds what was read, whoever has begun it.</summary>
    /// <param name="page">The page's number in the array.</param>
    /// <param name="bytes">The bytes of it that items lie in.</param>
    /// <param name="piece">What is to be read. The caller is a user of the file then, once more.</param>
    /// <returns>False when it is in none, or that is not known without waiting, or the file cannot be read by a device alone.</returns>
    internal abstract bool TryLocate(long page, int bytes, out SourcePiece piece);

    /// <summary>The same for a clone of the array, which lets go of it by itself.</summary>
    /// <returns>Null when the array that this belongs to has let go of it.</returns>
    internal abstract PageBacking? TryShare();

    /// <summary>The array is closed: lets go of what this holds. No page is asked for any more. May be called again.</summary>
    internal abstract void Release();
}
