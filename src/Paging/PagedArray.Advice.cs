namespace Paging;

/// <summary>Advice.</summary>
public sealed partial class PagedArray<T>
{
    /// <summary>Says how a range is going to be used. A hint: it changes when pages move, never what they hold.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="length">The number of elements. Pages that the range covers in part count as covered.</param>
    /// <param name="advice"><see cref="PageAdvice.Normal"/>, <see cref="PageAdvice.Sequential"/>, <see cref="PageAdvice.Random"/> and
    /// <see cref="PageAdvice.Loop"/> hold for the whole array, whatever the range, until another of them is given; only a loop's range
    /// says where the loop begins and ends, and one over fewer than two pages is read as <see cref="PageAdvice.Sequential"/>. The others are
    /// about the pages of the range, once.</param>
    /// <remarks>Untouched pages stay untouched. With <see cref="PageAdvice.PageOut"/> the calling thread encodes what has to be stored, and
    /// may wait for a swap file; with the others it waits for nothing. Of <see cref="PageAdvice.WillNeed"/>, 64 ranges at most are worked
    /// on at a time; further ones are passed over.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the array, or the advice is none.</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public void Advise(long start, long length, PageAdvice advice)
    {
        _pages.CheckRange(start, length);
        OptionChecks.CheckAdvice(advice);
        (long first, long end) = length == 0 ? (0, 0) : (Locate(start).Page, Locate(start + length - 1).Page + 1);
        _pages.Region.Advise(first, end, advice);
        GC.KeepAlive(this);
    }
}
