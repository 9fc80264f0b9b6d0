namespace Paging.Benchmarks.Traces.Checks;

/// <summary>ARC case by case as in the paper's Figure 4, with its names, over lists whose first page is the oldest.</summary>
internal sealed class PlainAdaptiveReplacement(int frames) : IReplacement
{
    private readonly List<int> _t1 = [];
    private readonly List<int> _t2 = [];
    private readonly List<int> _b1 = [];
    private readonly List<int> _b2 = [];
    private double _p;

    public bool IsResident(int page) => _t1.Contains(page) || _t2.Contains(page);

    public bool Access(int page)
    {
        if (_t1.Remove(page) || _t2.Remove(page)) // case I
        {
            _t2.Add(page);
            return true;
        }

        if (_b1.Contains(page)) // case II
        {
            _p = Math.Min(frames, _p + (_b1.Count >= _b2.Count ? 1 : (double)_b2.Count / _b1.Count));
            Replace(isInB2: false);
            _b1.Remove(page);
            _t2.Add(page);
            return false;
        }

        if (_b2.Contains(page)) // case III
        {
            _p = Math.Max(0, _p - (_b2.Count >= _b1.Count ? 1 : (double)_b1.Count / _b2.Count));
            Replace(isInB2: true);
            _b2.Remove(page);
            _t2.Add(page);
            return false;
        }

        int all = _t1.Count + _t2.Count + _b1.Count + _b2.Count;
        if (_t1.Count + _b1.Count == frames) // case IV A
        {
            if (_t1.Count < frames)
            {
                _b1.RemoveAt(0);
                Replace(isInB2: false);
            }
            else
            {
                _t1.RemoveAt(0);
            }
        }
        else if (all >= frames) // case IV B
        {
            if (all == 2 * frames)
            {
                _b2.RemoveAt(0);
            }

            Replace(isInB2: false);
        }

        _t1.Add(page);
        return false;
    }

    private void Replace(bool isInB2)
    {
        bool isFromT1 = _t1.Count > 0 && (_t1.Count > _p || (isInB2 && _t1.Count == _p));
        (List<int> from, List<int> to) = isFromT1 ? (_t1, _b1) : (_t2, _b2);
        to.Add(from[0]);
        from.RemoveAt(0);
    }
}
