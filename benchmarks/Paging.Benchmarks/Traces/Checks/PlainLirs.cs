namespace Paging.Benchmarks.Traces.Checks;

/// <summary>LIRS as the paper tells it, over lists whose first page is the oldest; what is remembered is bounded as in <see cref="Lirs"/>.</summary>
internal sealed class PlainLirs(int frames) : IReplacement
{
    private readonly int _lirFrames = frames - Math.Max(2, frames / 100);
    private readonly List<int> _stack = [];
    private readonly List<int> _queue = [];
    private readonly List<int> _evicted = [];
    private readonly HashSet<int> _lir = [];
    private int _last = -1;

    public bool IsResident(int page) => _lir.Contains(page) || _queue.Contains(page);

    public bool Access(int page)
    {
        if (page == _last)
        {
            return true;
        }

        _last = page;
        bool isHit = IsResident(page);
        bool wasInStack = _stack.Remove(page);
        _evicted.Remove(page);
        if (!isHit && _lir.Count + _queue.Count == frames)
        {
            Evict();
        }

        _stack.Add(page);
        if (!_lir.Contains(page))
        {
            _queue.Remove(page);
            if (wasInStack || _lir.Count < _lirFrames)
            {
                _lir.Add(page);
            }
            else
            {
                _queue.Add(page);
            }
        }

        if (_lir.Count > _lirFrames)
        {
            _lir.Remove(_stack[0]);
            _queue.Add(_stack[0]);
        }

        int bottom = _stack.FindIndex(_lir.Contains);
        _evicted.RemoveAll(_stack[..bottom].Contains);
        _stack.RemoveRange(0, bottom);
        return isHit;
    }

    private void Evict()
    {
        int page = _queue[0];
        _queue.RemoveAt(0);
        if (!_stack.Contains(page))
        {
            return;
        }

        if (_evicted.Count == 2 * frames)
        {
            _stack.Remove(_evicted[0]);
            _evicted.RemoveAt(0);
        }

        _evicted.Add(page);
    }
}
