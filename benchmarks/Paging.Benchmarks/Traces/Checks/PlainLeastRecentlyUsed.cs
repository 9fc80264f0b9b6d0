namespace Paging.Benchmarks.Traces.Checks;

/// <summary>LRU as it is told: a list, the page of the last access at its end.</summary>
internal sealed class PlainLeastRecentlyUsed(int frames) : IReplacement
{
    private readonly List<int> _pages = [];

    public bool IsResident(int page) => _pages.Contains(page);

    public bool Access(int page)
    {
        bool isHit = _pages.Remove(page);
        if (_pages.Count == frames)
        {
            _pages.RemoveAt(0);
        }

        _pages.Add(page);
        return isHit;
    }
}
