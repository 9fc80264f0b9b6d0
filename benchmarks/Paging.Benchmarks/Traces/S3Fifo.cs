namespace Paging.Benchmarks.Traces;

/// <summary>S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP '23), as in the paper's
/// Algorithm 1.</summary>
/// <remarks>A small queue of a tenth of the frames, a main queue of the rest, and a ghost queue of numbers, as long as the main one. What
/// was accessed twice or more after it came in goes from the small queue to the main one, with its count cleared; the rest becomes a ghost.
/// A page that returns while it is a ghost goes to the main queue, from which what was accessed is put in again with its count, 3 at most,
/// less one.</remarks>
internal sealed class S3Fifo : IReplacement
{
    private const byte MostCounted = 3;
    private const byte MovesAbove = 1;

    private readonly int _frames;
    private readonly int _smallFrames;
    private readonly int _mainFrames;
    private readonly PageList _small;
    private readonly PageList _main;
    private readonly PageList _ghosts;
    private readonly Place[] _places;
    private readonly byte[] _counts;

    public S3Fifo(int frames, int pages)
    {
        _frames = frames;
        _smallFrames = Math.Max(1, frames / 10);
        _mainFrames = frames - _smallFrames;
        PageList[] lists = PageList.Sharing(pages, 3);
        (_small, _main, _ghosts) = (lists[0], lists[1], lists[2]);
        _places = new Place[pages];
        _counts = new byte[pages];
    }

    private enum Place : byte
    {
        Out,
        Ghost,
        Small,
        Main,
    }

    public bool IsResident(int page) => _places[page] >= Place.Small;

    public bool Access(int page)
    {
        if (IsResident(page))
        {
            _counts[page] = Math.Min((byte)(_counts[page] + 1), MostCounted);
            return true;
        }

        while (_small.Count + _main.Count >= _frames)
        {
            Evict();
        }

        if (_places[page] == Place.Ghost)
        {
            _ghosts.Remove(page);
            PutIntoMain(page);
        }
        else
        {
            _places[page] = Place.Small;
            _small.Add(page);
        }

        _counts[page] = 0;
        return false;
    }

    private void Evict()
    {
        if (_small.Count >= _smallFrames)
        {
            EvictFromSmall();
        }
        else
        {
            EvictFromMain();
        }
    }

    /// <summary>Until one page has left it for good, or it is empty: the main queue evicts for what it is given in excess.</summary>
    private void EvictFromSmall()
    {
        bool isDone = false;
        while (!isDone && _small.Count > 0)
        {
            int page = _small.Take();
            if (_counts[page] > MovesAbove)
            {
                _counts[page] = 0;
                PutIntoMain(page);
                if (_main.Count > _mainFrames)
                {
                    EvictFromMain();
                }
            }
            else
            {
                PutIntoGhosts(page);
                isDone = true;
            }
        }
    }

    private void EvictFromMain()
    {
        int page = _main.Take();
        while (_counts[page] > 0)
        {
            _counts[page]--;
            _main.Add(page);
            page = _main.Take();
        }

        _places[page] = Place.Out;
    }

    private void PutIntoMain(int page)
    {
        _places[page] = Place.Main;
        _main.Add(page);
    }

    private void PutIntoGhosts(int page)
    {
        if (_ghosts.Count == _mainFrames)
        {
            _places[_ghosts.Take()] = Place.Out;
        }

        _places[page] = Place.Ghost;
        _ghosts.Add(page);
    }
}
