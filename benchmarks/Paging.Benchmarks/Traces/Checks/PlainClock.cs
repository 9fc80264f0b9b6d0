namespace Paging.Benchmarks.Traces.Checks;

/// <summary>Second chance as it is told: a queue, at whose end a page is put again that was accessed since.</summary>
internal sealed class PlainClock(int frames) : IReplacement
{
    private readonly Queue<int> _queue = [];
    private readonly HashSet<int> _referenced = [];

    public bool IsResident(int page) => _queue.Contains(page);

    public bool Access(int page)
    {
        if (_queue.Contains(page))
        {
            _referenced.Add(page);
            return true;
        }

        if (_queue.Count == frames)
        {
            while (_referenced.Remove(_queue.Peek()))
            {
                _queue.Enqueue(_queue.Dequeue());
            }

            _queue.Dequeue();
        }

        _queue.Enqueue(page);
        return false;
    }
}
