using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>How many bytes of long reads are under way at once on the files of one file system, and those that wait for room. What is short
/// overtakes them, and what is written, too: how many writes there are at once is for those to say who write.</summary>
/// <remarks>
/// <para>A local disk needs no more than <see cref="WindowTrial.MinBytes"/>: one of 10 GB/s that answers within 100 µs has 1 MB under way.
/// More makes all of it later, and a disk that works on all requests that it finds before it answers them, as those of many virtual machines
/// do, then has the processors wait for it, and waits for them afterwards.</para>
/// <para>Of the threads of one engine. They begin reads under its lock, which guards all but <see cref="_bytes"/>, and end them
/// without.</para>
/// </remarks>
internal sealed unsafe class LongReadWindow(TimeProvider time)
{
    /// <summary>What is no longer is short, and not counted: one page, or a few.</summary>
    internal const int ShortBytes = 64 << 10;

    /// <summary>What is read in a period, after which the limit may change: on a fast disk some 30 ms, longer than its moods.</summary>
    internal const long PeriodBytes = 64 << 20;

    private IoQueue _waiting;
    private WindowTrial _trial = new();
    private int _bytes;
    private long _began;
    private int _refusals;
    private long _endedBefore;
    private long _since;

    /// <summary>The next window of the queue that this one belongs to. Its own.</summary>
    internal LongReadWindow? Next { get; set; }

    /// <summary>Whether it belongs to a queue.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>Where another read has to wait.</summary>
    internal int Limit => _trial.Limit;

    internal bool IsEmpty => _waiting.IsEmpty;

    /// <summary>Whether a read waits that may begin.</summary>
    internal bool MayStart => !_waiting.IsEmpty && HasRoom;

    private bool HasRoom => Volatile.Read(ref _bytes) < Limit;

    internal void Add(IoRequest read) => _waiting.Add(read);

    /// <summary>The read that has waited longest, if there is room for one: it is counted from now on.</summary>
    internal IoRequest? Start()
    {
        if (_waiting.IsEmpty)
        {
            return null;
        }

        if (!HasRoom)
        {
            _refusals++;
            return null;
        }

        IoRequest read = _waiting.Take()!;
        read.WindowBytes = read.Length;

        // Races with reads that end, which only makes more room.
        int before = Interlocked.Add(ref _bytes, read.Length) - read.Length;
        long ended = _began - before;
        _began += read.Length;
        if (ended - _endedBefore >= PeriodBytes)
        {
            EndPeriod(ended);
        }

        return read;
    }

    /// <summary>A read has ended. Any thread.</summary>
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
            _trial.Adapt((ended - _endedBefore) / (double)Math.Max(1, now - _since));
        }
        else
        {
            _trial.NoteUnwanted();
        }

        _since = now;
        _endedBefore = ended;
        _refusals = 0;
    }
}
