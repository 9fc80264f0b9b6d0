namespace Paging.Benchmarks.Traces;

/// <summary>LRU: out goes the page whose last access is the longest ago.</summary>
internal sealed class LeastRecentlyUsed(int frames, int pages) : IReplacement
{
    private readonly PageList _recency = new(pages);
    private readonly bool[] _isResident = new bool[pages];

    public bool IsResident(int page) => _isResident[page];

    public bool Access(int page)
    {
        if (_isResident[page])
        {
            _recency.Renew(page);
            return true;
        }

        if (_recency.Count == frames)
        {
            _isResident[_recency.Take()] = false;
        }

        _recency.Add(page);
        _isResident[page] = true;
        return false;
    }
}
