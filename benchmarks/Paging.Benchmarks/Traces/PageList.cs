namespace Paging.Benchmarks.Traces;

/// <summary>Pages in the order in which they were added, linked through arrays. Lists may share the arrays: then a page is in one of them
/// at most. Whether it is in one, the policy knows.</summary>
internal sealed class PageList
{
    public const int None = -1;

    private readonly int[] _older;
    private readonly int[] _newer;

    /// <summary>The entry that closes the ring: its older one is the newest page, its newer one the oldest.</summary>
    private readonly int _ends;

    public PageList(int pages)
        : this(new int[pages + 1], new int[pages + 1], pages)
    {
    }

    private PageList(int[] older, int[] newer, int ends)
    {
        _older = older;
        _newer = newer;
        _ends = ends;
        _older[ends] = ends;
        _newer[ends] = ends;
    }

    public int Count { get; private set; }

    public int Oldest => PageAt(_newer[_ends]);

    public static PageList[] Sharing(int pages, int count)
    {
        int[] older = new int[pages + count];
        int[] newer = new int[pages + count];
        return [.. Enumerable.Range(pages, count).Select(ends => new PageList(older, newer, ends))];
    }

    public int NewerThan(int page) => PageAt(_newer[page]);

    public void Add(int page)
    {
        int newest = _older[_ends];
        _older[page] = newest;
        _newer[page] = _ends;
        _newer[newest] = page;
        _older[_ends] = page;
        Count++;
    }

    public void Remove(int page)
    {
        int older = _older[page];
        int newer = _newer[page];
        _newer[older] = newer;
        _older[newer] = older;
        Count--;
    }

    /// <summary>Makes the page the newest.</summary>
    public void Renew(int page)
    {
        Remove(page);
        Add(page);
    }

    /// <summary>Removes the oldest page of a list that has one.</summary>
    public int Take()
    {
        int page = _newer[_ends];
        Remove(page);
        return page;
    }

    private int PageAt(int entry) => entry == _ends ? None : entry;
}
