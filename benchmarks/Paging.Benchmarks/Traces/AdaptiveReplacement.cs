namespace Paging.Benchmarks.Traces;

/// <summary>ARC (Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST '03), as in the paper's Figure 4.</summary>
/// <remarks>Two lists of what was accessed once and more than once, each a resident part (T1, T2) and a remembered one (B1, B2). A page
/// that returns while it is remembered moves the target for T1 towards the list that it was evicted from too early.</remarks>
internal sealed class AdaptiveReplacement : IReplacement
{
    private readonly int _frames;
    private readonly PageList _once;
    private readonly PageList _often;
    private readonly PageList _wasOnce;
    private readonly PageList _wasOften;
    private readonly Place[] _places;

    /// <summary>The paper's p: a real number, since it grows by ratios.</summary>
    private double _target;

    public AdaptiveReplacement(int frames, int pages)
    {
        _frames = frames;
        PageList[] lists = PageList.Sharing(pages, 4);
        (_once, _often, _wasOnce, _wasOften) = (lists[0], lists[1], lists[2], lists[3]);
        _places = new Place[pages];
    }

    private enum Place : byte
    {
        Out,
        WasOnce,
        WasOften,
        Once,
        Often,
    }

    public bool IsResident(int page) => _places[page] >= Place.Once;

    public bool Access(int page)
    {
        Place place = _places[page];
        switch (place)
        {
            case Place.Once:
                _once.Remove(page);
                break;
            case Place.Often:
                _often.Remove(page);
                break;
            case Place.WasOnce:
                _target = Math.Min(_target + Math.Max(1.0, (double)_wasOften.Count / _wasOnce.Count), _frames);
                Replace(place);
                _wasOnce.Remove(page);
                break;
            case Place.WasOften:
                _target = Math.Max(_target - Math.Max(1.0, (double)_wasOnce.Count / _wasOften.Count), 0);
                Replace(place);
                _wasOften.Remove(page);
                break;
            default:
                MakeRoom();
                Put(page, Place.Once, _once);
                return false;
        }

        Put(page, Place.Often, _often);
        return place >= Place.Once;
    }

    /// <summary>For a page that nothing is known of.</summary>
    private void MakeRoom()
    {
        int once = _once.Count + _wasOnce.Count;
        int all = once + _often.Count + _wasOften.Count;
        if (once == _frames)
        {
            if (_once.Count < _frames)
            {
                Forget(_wasOnce);
                Replace(Place.Out);
            }
            else
            {
                Forget(_once);
            }
        }
        else if (all >= _frames)
        {
            if (all == 2 * _frames)
            {
                Forget(_wasOften);
            }

            Replace(Place.Out);
        }
    }

    private void Replace(Place from)
    {
        if (_once.Count > 0 && (_once.Count > _target || (from == Place.WasOften && _once.Count == _target)))
        {
            Put(_once.Take(), Place.WasOnce, _wasOnce);
        }
        else
        {
            Put(_often.Take(), Place.WasOften, _wasOften);
        }
    }

    private void Forget(PageList list) => _places[list.Take()] = Place.Out;

    private void Put(int page, Place place, PageList list)
    {
        _places[page] = place;
        list.Add(page);
    }
}
