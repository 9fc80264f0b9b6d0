namespace Paging.Benchmarks.Traces;

/// <summary>The optimum (Belady, "A study of replacement algorithms for a virtual-storage computer", 1966): out goes the page whose next
/// access is farthest away. Exact, of policies that bring every page in; must see the accesses of its trace in order.</summary>
internal sealed class Belady : IReplacement
{
    private readonly int _frames;
    private readonly int[] _nextAccess;
    private readonly bool[] _isResident;

    /// <summary>Pages by their next access, the farthest first. What was overtaken is not taken out: it lies before every next access of a
    /// page that is resident, so none of it comes to the top.</summary>
    private readonly PriorityQueue<int, int> _farthest = new();

    private int _resident;
    private int _now;

    public Belady(int frames, Trace trace)
    {
        _frames = frames;
        _isResident = new bool[trace.DistinctPages];
        _nextAccess = new int[trace.Accesses.Length];
        int[] next = new int[trace.DistinctPages];
        Array.Fill(next, int.MaxValue);
        for (int i = _nextAccess.Length - 1; i >= 0; i--)
        {
            int page = trace.Accesses[i];
            _nextAccess[i] = next[page];
            next[page] = i;
        }
    }

    public bool IsResident(int page) => _isResident[page];

    public bool Access(int page)
    {
        bool isHit = _isResident[page];
        if (!isHit)
        {
            if (_resident == _frames)
            {
                _isResident[_farthest.Dequeue()] = false;
                _resident--;
            }

            _isResident[page] = true;
            _resident++;
        }

        _farthest.Enqueue(page, -_nextAccess[_now++]);
        return isHit;
    }
}
