namespace Paging.Residency;

/// <summary>Pages that a thread of the background has left to a reader that came close; the last ones of them, if there are many. One
/// thread's.</summary>
/// <param name="pages">Room for them; none if they need not be known.</param>
internal ref struct LeftPages(Span<StreamPage> pages)
{
    private readonly Span<StreamPage> _pages = pages;
    private int _count;

    internal void Add(in StreamPage page)
    {
        if (_pages.IsEmpty)
        {
            return;
        }

        if (_count == _pages.Length)
        {
            // The reader is long past the first half.
            _count /= 2;
            _pages[^_count..].CopyTo(_pages);
        }

        _pages[_count++] = page;
    }

    /// <summary>Takes the last ones out, in their order.</summary>
    internal ReadOnlySpan<StreamPage> TakeLast(int max)
    {
        int count = Math.Min(max, _count);
        _count -= count;
        return _pages.Slice(_count, count);
    }
}
