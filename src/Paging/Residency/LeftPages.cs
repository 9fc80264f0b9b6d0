namespace Paging.Residency;

/// <summary>Pages that a thread of the background has left to a reader that came close, in the order in which it met them; the last ones of
/// them, if there are many. One thread's.</summary>
/// <param name="pages">Room for them; none if they need not be known.</param>
internal ref struct LeftPages(Span<StreamPage> pages)
{
    private readonly Span<StreamPage> _pages = pages;
    private int _count;
    private long _removed;

    /// <summary>How many there have been, but for those that were taken out behind them.</summary>
    internal readonly long Total => _removed + _count;

    internal void Add(in StreamPage page)
    {
        if (_pages.IsEmpty)
        {
            return;
        }

        if (_count == _pages.Length)
        {
            // The reader is long past the first half.
            RemoveFirst(_removed + (_count / 2));
        }

        _pages[_count++] = page;
    }

    /// <summary>Those that are left of the first so many that there have been.</summary>
    internal readonly ReadOnlySpan<StreamPage> First(long total) => _pages[..(int)Math.Clamp(total - _removed, 0, _count)];

    /// <summary>Takes out the first so many that there have been, as far as they are here.</summary>
    internal void RemoveFirst(long total)
    {
        int gone = First(total).Length;
        _pages[gone.._count].CopyTo(_pages);
        _count -= gone;
        _removed += gone;
    }

    /// <summary>Takes the last ones out, in their order.</summary>
    internal ReadOnlySpan<StreamPage> TakeLast(int max)
    {
        int count = Math.Min(max, _count);
        _count -= count;
        return _pages.Slice(_count, count);
    }
}
