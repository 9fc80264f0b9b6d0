namespace Paging.Swap.Devices;

/// <summary>Whether more long reads at once bring more: the limit of a <see cref="LongReadWindow"/>, and when it changes.</summary>
/// <remarks>
/// What answers late but many at a time, such as a file system in a network, needs more under way than a local disk. So where reads have to
/// wait, twice as much is tried now and then, and kept where it brings half as much again; and after a long time all begins anew. Periods
/// with the limit and with twice as much take turns, so that a change of the disk's mood is not taken for a gain.
/// Not thread-safe; knows no device and no clock.
/// </remarks>
internal struct WindowTrial()
{
    /// <summary>So long as fewer bytes than the limit are under way, another read begins. The limit is between these.</summary>
    internal const int MinBytes = 1 << 20;
    internal const int MaxBytes = 8 << 20;

    /// <summary>Periods that more is tried in: every other one of these.</summary>
    private const int Turns = 5;

    /// <summary>Periods until all begins anew, where nothing was gained, and where more is under way since.</summary>
    private const int RestPeriods = 32;
    private const int KeptPeriods = 256;

    /// <summary>What twice as much has to bring.</summary>
    private const double MinGain = 1.5;

    private int _rest;

    /// <summary>In odd turns twice as much is tried.</summary>
    private int _turn;

    /// <summary>Bytes a tick, of the turns: the best with the limit, the least with twice as much.</summary>
    private double _max;
    private double _minOfTrials = double.MaxValue;

    internal int Limit { get; private set; } = MinBytes;

    private readonly bool IsTrial => _turn % 2 != 0;

    /// <summary>A period has ended in which the limit was nobody's concern.</summary>
    internal void NoteUnwanted()
    {
        if (IsTrial)
        {
            // Twice as much is more than anybody wants.
            Limit /= 2;
            EndTurns(isKept: false);
        }
    }

    /// <summary>A period has ended in which reads waited.</summary>
    /// <param name="rate">What was read in it, a unit of time.</param>
    internal void Adapt(double rate)
    {
        if (_rest > 0)
        {
            Limit = --_rest == 0 ? MinBytes : Limit;
            return;
        }

        if (IsTrial)
        {
            _minOfTrials = Math.Min(_minOfTrials, rate);
            Limit /= 2;
            _turn++;
        }
        else if (_turn < Turns - 1)
        {
            _max = Math.Max(_max, rate);
            Limit *= 2;
            _turn++;
        }
        else
        {
            EndTurns(isKept: _minOfTrials >= Math.Max(_max, rate) * MinGain);
        }
    }

    private void EndTurns(bool isKept)
    {
        Limit = isKept ? Limit * 2 : Limit;
        if (!isKept || Limit == MaxBytes)
        {
            _rest = Limit == MinBytes ? RestPeriods : KeptPeriods;
        }

        (_turn, _max, _minOfTrials) = (0, 0, double.MaxValue);
    }
}
