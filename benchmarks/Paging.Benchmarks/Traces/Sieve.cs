namespace Paging.Benchmarks.Traces;

/// <summary>SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is Simpler than LRU", NSDI '24): a queue in which nothing moves, and a
/// hand from old to new that spares what was visited.</summary>
/// <remarks>Unlike in <see cref="Clock"/>, new pages come in at the head and not behind the hand, so that it soon meets those that are not
/// visited.</remarks>
internal sealed class Sieve(int frames, int pages) : IReplacement
{
    private readonly PageList _queue = new(pages);
    private readonly bool[] _isResident = new bool[pages];
    private readonly bool[] _isVisited = new bool[pages];
    private int _hand = PageList.None;

    public bool IsResident(int page) => _isResident[page];

    public bool Access(int page)
    {
        if (_isResident[page])
        {
            _isVisited[page] = true;
            return true;
        }

        if (_queue.Count == frames)
        {
            Evict();
        }

        _queue.Add(page);
        _isResident[page] = true;
        _isVisited[page] = false;
        return false;
    }

    private void Evict()
    {
        int page = OrOldest(_hand);
        while (_isVisited[page])
        {
            _isVisited[page] = false;
            page = OrOldest(_queue.NewerThan(page));
        }

        _hand = _queue.NewerThan(page);
        _queue.Remove(page);
        _isResident[page] = false;
    }

    private int OrOldest(int page) => page == PageList.None ? _queue.Oldest : page;
}
