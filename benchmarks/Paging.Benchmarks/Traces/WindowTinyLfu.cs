namespace Paging.Benchmarks.Traces;

/// <summary>W-TinyLFU (Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage,
/// 2017), with the parameters of Caffeine.</summary>
/// <remarks>New pages come into a window of 1% of the frames, by recency. Those that drop out of it compete with the oldest of the rest's
/// probation part, and stay if they were accessed more often of late. What is accessed in probation is protected, in 80% of the rest. The
/// size of the window is fixed or climbs (<see cref="HillClimber"/>). Left out is what Caffeine does against attacks: now and then it keeps
/// a page that lost.</remarks>
internal sealed class WindowTinyLfu : IReplacement
{
    private const double MainShare = 0.99;
    private const double ProtectedShare = 0.8;

    private readonly int _frames;
    private readonly FrequencySketch _sketch;
    private readonly HillClimber? _climber;
    private readonly PageList _window;
    private readonly PageList _probation;
    private readonly PageList _protected;
    private readonly Place[] _places;
    private int _windowFrames;
    private int _protectedFrames;

    public WindowTinyLfu(int frames, int pages, bool isAdaptive)
    {
        _frames = frames;
        _sketch = new FrequencySketch(frames);
        _climber = isAdaptive ? new HillClimber(frames) : null;
        _windowFrames = frames - (int)(MainShare * frames);
        _protectedFrames = (int)(ProtectedShare * (frames - _windowFrames));
        PageList[] lists = PageList.Sharing(pages, 3);
        (_window, _probation, _protected) = (lists[0], lists[1], lists[2]);
        _places = new Place[pages];
    }

    private enum Place : byte
    {
        Out,
        Window,
        Probation,
        Protected,
    }

    private int Resident => _window.Count + _probation.Count + _protected.Count;

    public bool IsResident(int page) => _places[page] != Place.Out;

    public bool Access(int page)
    {
        bool isHit = IsResident(page);
        _sketch.Count(page);
        switch (_places[page])
        {
            case Place.Window:
                _window.Renew(page);
                break;
            case Place.Probation:
                _probation.Remove(page);
                Put(page, Place.Protected, _protected);
                Demote();
                break;
            case Place.Protected:
                _protected.Renew(page);
                break;
            default:
                Put(page, Place.Window, _window);
                LeaveWindow();
                break;
        }

        if (_climber is not null && Resident == _frames && _climber.Observe(isHit) is not 0 and int growth)
        {
            Resize(growth);
        }

        return isHit;
    }

    /// <summary>Lets what the window has in excess compete for a place in the rest.</summary>
    private void LeaveWindow()
    {
        if (_window.Count <= _windowFrames)
        {
            return;
        }

        int candidate = _window.Take();
        Put(candidate, Place.Probation, _probation);
        if (Resident > _frames)
        {
            int victim = _probation.Oldest;
            int loser = _sketch.Frequency(candidate) > _sketch.Frequency(victim) ? victim : candidate;
            _probation.Remove(loser);
            _places[loser] = Place.Out;
        }
    }

    private void Demote()
    {
        while (_protected.Count > _protectedFrames)
        {
            Put(_protected.Take(), Place.Probation, _probation);
        }
    }

    /// <summary>Moves frames between the window and the protected part, and pages with them; the window keeps one.</summary>
    private void Resize(int growth)
    {
        growth = Math.Clamp(growth, 1 - _windowFrames, _protectedFrames);
        _windowFrames += growth;
        _protectedFrames -= growth;
        Demote();
        for (; growth > 0; growth--)
        {
            Put((_probation.Count > 0 ? _probation : _protected).Take(), Place.Window, _window);
        }

        for (; growth < 0 && _window.Count > 0; growth++)
        {
            Put(_window.Take(), Place.Probation, _probation);
        }
    }

    private void Put(int page, Place place, PageList list)
    {
        _places[page] = place;
        list.Add(page);
    }
}
