namespace Paging.Benchmarks.Traces.Checks;

/// <summary>SIEVE as it is told: a list from old to new, and the place in it that the hand has come to.</summary>
internal sealed class PlainSieve(int frames) : IReplacement
{
    private readonly List<int> _pages = [];
    private readonly HashSet<int> _visited = [];
    private int _hand;

    public bool IsResident(int page) => _pages.Contains(page);

    public bool Access(int page)
    {
        if (_pages.Contains(page))
        {
            _visited.Add(page);
            return true;
        }

        if (_pages.Count == frames)
        {
            for (; _visited.Remove(_pages[_hand]); _hand = (_hand + 1) % frames)
            {
            }

            _pages.RemoveAt(_hand);
            _hand %= frames - 1; // behind the newest it goes on at the oldest
        }

        _pages.Add(page);
        return false;
    }
}
