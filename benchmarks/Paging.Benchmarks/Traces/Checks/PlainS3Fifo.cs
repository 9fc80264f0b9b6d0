namespace Paging.Benchmarks.Traces.Checks;

/// <summary>S3-FIFO as in the paper's Algorithm 1, over lists whose first page is the oldest.</summary>
internal sealed class PlainS3Fifo(int frames) : IReplacement
{
    private readonly int _smallFrames = Math.Max(1, frames / 10);
    private readonly List<int> _small = [];
    private readonly List<int> _main = [];
    private readonly List<int> _ghosts = [];
    private readonly Dictionary<int, int> _frequency = [];

    private int MainFrames => frames - _smallFrames;

    public bool IsResident(int page) => _small.Contains(page) || _main.Contains(page);

    public bool Access(int page)
    {
        if (IsResident(page))
        {
            _frequency[page] = Math.Min(_frequency[page] + 1, 3);
            return true;
        }

        while (_small.Count + _main.Count == frames)
        {
            if (_small.Count >= _smallFrames)
            {
                EvictSmall();
            }
            else
            {
                EvictMain();
            }
        }

        (_ghosts.Remove(page) ? _main : _small).Add(page);
        _frequency[page] = 0;
        return false;
    }

    private void EvictSmall()
    {
        while (_small.Count > 0)
        {
            int page = _small[0];
            _small.RemoveAt(0);
            if (_frequency[page] <= 1)
            {
                _ghosts.Add(page);
                _ghosts.RemoveRange(0, Math.Max(0, _ghosts.Count - MainFrames));
                return;
            }

            _frequency[page] = 0;
            _main.Add(page);
            if (_main.Count > MainFrames)
            {
                EvictMain();
            }
        }
    }

    private void EvictMain()
    {
        while (true)
        {
            int page = _main[0];
            _main.RemoveAt(0);
            if (_frequency[page]-- == 0)
            {
                return;
            }

            _main.Add(page);
        }
    }
}
