using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>How many bytes of long reads are under way at once on the files of one file system. The rest waits in the queue of the engine,
/// where what is short overtakes it, and what is written, too: how many writes there are at once is for those to say who write.</summary>
/// <remarks>
/// <para>A local disk needs no more than <see cref="MinBytes"/>: one of 10 GB/s that answers within 100 µs has 1 MB under way. More makes all
/// of it later, and a disk that works on all requests that it finds before it answers them, as those of many virtual machines do, then has
/// the processors wait for it, and waits for them afterwards.</para>
/// <para>What answers late but many at a time, such as a file system in a network, needs more. So where reads have to wait, twice as much is
/// tried now and then, and kept where it brings half as much again; and after a long time all begins anew.</para>
/// <para>Of the threads of one engine. They enter under its lock, which guards all but <see cref="_bytes"/>, and leave without.</para>
/// </remarks>
internal sealed unsafe class IoWindow(TimeProvider time)
{
    /// <summary>So long as fewer bytes than the limit are under way, another read begins. The limit is between these.</summary>
    internal const int MinBytes = 1 << 20;
    internal const int MaxBytes = 8 << 20;

    /// <summary>What is no longer is short, and not counted: one page, or a few.</summary>
    internal const int ShortBytes = 64 << 10;

    /// <summary>What is read in a period, after which the limit may change: on a fast disk some 30 ms, longer than its moods.</summary>
    internal const long PeriodBytes = 64 << 20;

    /// <summary>Periods that more is tried in: every other one of these.</summary>
    private const int Turns = 5;

    /// <summary>Periods until all begins anew, where nothing was gained, and where more is under way since.</summary>
    private const int RestPeriods = 32;
    private const int KeptPeriods = 256;

    /// <summary>What twice as much has to bring.</summary>
    private const double LeastGain = 1.5;

    private int _bytes;
    private long _began;
    private int _refusals;
    private long _endedBefore;
    private long _since;

    private int _rest;

    /// <summary>In odd turns twice as much is tried.</summary>
    private int _turn;

    /// <summary>Bytes a tick, of the turns: the best with the limit, the least with twice as much.</summary>
    private double _best;
    private double _leastOfTrials = double.MaxValue;

    private bool IsTrial => _turn % 2 != 0;

    /// <summary>Where another read has to wait.</summary>
    internal int Limit { get; private set; } = MinBytes;

    /// <summary>Takes the room of a read. Under the lock of the engine.</summary>
    /// <returns>False when it has to wait for another one's end.</returns>
    internal bool TryEnter(int bytes)
    {
        int underWay = Volatile.Read(ref _bytes);
        if (underWay >= Limit)
        {
            _refusals++;
            return false;
        }

        // Races with reads that end, which only makes more room.
        Interlocked.Add(ref _bytes, bytes);
        long ended = _began - underWay;
        _began += bytes;
        if (ended - _endedBefore >= PeriodBytes)
        {
            EndPeriod(ended);
        }

        return true;
    }

    /// <summary>Gives the room back. Any thread.</summary>
    internal void Exit(int bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Tells file systems apart.</summary>
    /// <returns>0 when the system does not say.</returns>
    internal static ulong FileSystemOf(int descriptor)
    {
        Statx status;
        byte empty = 0;
        return FileStatus.statx(descriptor, &empty, FileStatus.AT_EMPTY_PATH, FileStatus.STATX_TYPE, &status) == 0
            ? ((ulong)status.stx_dev_major << 32) | status.stx_dev_minor
            : 0;
    }

    private void EndPeriod(long ended)
    {
        long now = time.GetTimestamp();

        // A full window has to be refused to somebody as often as it is filled, about. Otherwise the limit is not what decides.
        if (_since != 0 && _refusals >= PeriodBytes / Limit / 2)
        {
            Adapt((ended - _endedBefore) / (double)Math.Max(1, now - _since));
        }
        else if (IsTrial)
        {
            // Twice as much is more than anybody wants.
            Limit /= 2;
            EndTurns(isKept: false);
        }

        _since = now;
        _endedBefore = ended;
        _refusals = 0;
    }

    /// <summary>Periods with the limit and with twice as much take turns, so that a change of the disk's mood is not taken for a
    /// gain.</summary>
    private void Adapt(double rate)
    {
        if (_rest > 0)
        {
            Limit = --_rest == 0 ? MinBytes : Limit;
            return;
        }

        if (IsTrial)
        {
            _leastOfTrials = Math.Min(_leastOfTrials, rate);
            Limit /= 2;
            _turn++;
        }
        else if (_turn < Turns - 1)
        {
            _best = Math.Max(_best, rate);
            Limit *= 2;
            _turn++;
        }
        else
        {
            EndTurns(isKept: _leastOfTrials >= Math.Max(_best, rate) * LeastGain);
        }
    }

    private void EndTurns(bool isKept)
    {
        Limit = isKept ? Limit * 2 : Limit;
        if (!isKept || Limit == MaxBytes)
        {
            _rest = Limit == MinBytes ? RestPeriods : KeptPeriods;
        }

        (_turn, _best, _leastOfTrials) = (0, 0, double.MaxValue);
    }
}
