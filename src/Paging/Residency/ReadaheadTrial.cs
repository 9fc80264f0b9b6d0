namespace Paging.Residency;

/// <summary>Whether reading ahead pays for an array whose pages come from memory: it compares how fast readers go on with it and without it,
/// and tries the other way now and then.</summary>
/// <remarks>
/// Decoding ahead needs a processor that has nothing else to do. Where there is none, or where it is far from the reader's, the reader waits
/// for a thread that does not run, and is slower than alone. Nothing but time tells. Pages from files are read ahead in any case: there the
/// time is a device's.
/// <code>
///        16 periods ahead, 1 alone                 16 alone, 1 ahead
///   On ──── alone is faster than the best of ────▶ Off
///      ◀─── the last periods ahead, and back ────
/// </code>
/// Not thread-safe; knows no pager. A pause of the reader makes a period look slow, and at worst turns it the wrong way until the next
/// try.
/// </remarks>
internal struct ReadaheadTrial
{
    /// <summary>Steps of readers in a period, at least.</summary>
    internal const int MinSteps = 256;

    /// <summary>Periods between two tries.</summary>
    internal const int PeriodsATry = 16;

    /// <summary>A period is at least so long, so that it sees more than one time slice.</summary>
    internal const int MinMicroseconds = 2000;

    /// <summary>The other way has to be so much faster.</summary>
    private const double Better = 0.95;

    /// <summary>What is remembered of the best period fades by this with each one.</summary>
    private const double Fading = 1.1;

    private long _steps;
    private long _since;
    private double _best;
    private int _periods;
    private bool _isAlone;
    private bool _isTrying;
    private bool _hasBegun;
    private bool _readsFile;
    private bool _notedFile;

    /// <summary>Whether pages are to be read ahead now: a try is a period of the other way.</summary>
    internal readonly bool IsOn => _isAlone == _isTrying || _readsFile;

    /// <summary>Whether pages have come from files lately.</summary>
    internal readonly bool ReadsFile => _readsFile;

    /// <summary>Whether enough steps have been made to look at the time.</summary>
    internal readonly bool IsDue(long steps) => steps - _steps >= MinSteps || !_hasBegun;

    /// <summary>A page came from a file.</summary>
    internal void NoteFile()
    {
        _readsFile = true;
        _notedFile = true;
        Restart();
    }

    /// <summary>The readers have come so far.</summary>
    /// <param name="steps">Steps of all streams so far.</param>
    /// <param name="microseconds">The time.</param>
    internal void OnSteps(long steps, long microseconds)
    {
        long duration = microseconds - _since;
        if (_hasBegun && duration < MinMicroseconds)
        {
            return;
        }

        if (_hasBegun && !_readsFile)
        {
            Judge((double)duration / (steps - _steps));
        }

        _readsFile = _notedFile;
        _notedFile = false;
        _hasBegun = true;
        (_steps, _since) = (steps, microseconds);
    }

    private void Judge(double duration)
    {
        if (!_isTrying)
        {
            _best = _best == 0 ? duration : Math.Min(duration, _best * Fading);
            _isTrying = ++_periods % PeriodsATry == 0;
            return;
        }

        if (duration < _best * Better)
        {
            _isAlone = !_isAlone;
            _best = duration;
        }

        _isTrying = false;
    }

    /// <summary>What has been measured says nothing any more.</summary>
    private void Restart()
    {
        _isAlone = false;
        _isTrying = false;
        _periods = 0;
        _best = 0;
    }
}
