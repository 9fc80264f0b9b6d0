using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The outcome of a look for cold pages. Where several logs were looked at, the later value counts.</summary>
internal enum Recompression
{
    /// <summary>There was nothing to do yet.</summary>
    Nothing,

    /// <summary>Another thread holds the cleaning gate of the log.</summary>
    Busy,

    /// <summary>Something was done, and there may be more.</summary>
    Worked,
}

/// <summary>Compresses again, with a stronger codec, what has been left alone. Decides when, in how small pieces, and with how much rest in
/// between; <see cref="ColdCompressor.Recompress"/> does the pieces.</summary>
/// <remarks>One background thread at a time drives it, from its first step until there is nothing left that could become due. The clock is
/// passed in, so that a test can set it.</remarks>
internal sealed unsafe class Recompressor
{
    /// <summary>The level of Zstd. Higher ones take several times as long for a few hundredths of the length.</summary>
    internal const int Level = 3;

    /// <summary>How long a page must have been left alone, unless an option says otherwise.</summary>
    internal static readonly TimeSpan DefaultAge = TimeSpan.FromSeconds(10);

    /// <summary>Units of rest for each unit of work, so that it takes a quarter of one thread at most.</summary>
    private const int RestShare = 3;

    /// <summary>Rest is taken in pieces of at least this, since falling asleep and waking costs too much for shorter ones.</summary>
    private const int RestMilliseconds = 4;

    /// <summary>The wait while the cleaner is at work in a log.</summary>
    private const int BusyMilliseconds = 1;

    /// <summary>Segments that become due within this part of the age, as a shift, are waited for together.</summary>
    private const int AgeShift = 4;

    private const int Nobody = 0;

    private readonly SegmentTable _segments;
    private readonly PoolBudget _budget;
    private readonly TimeProvider _time;
    private readonly Reservation _buffers = new(2 * SwapStore.MaxPageBytes, accessible: true);
    private int _pageBytes;

    /// <summary>The thread that drives, by number. Nobody → n by CAS; back to Nobody by that thread.</summary>
    private int _driver;

    /// <summary>1 when no thread looks for cold pages until something is stored. Set by the driver before its last look; cleared by the
    /// thread that stores, which then wakes a driver.</summary>
    private int _asleep;

    /// <summary>The driver's own: it does nothing before this time.</summary>
    private long _notBefore = long.MinValue;

    /// <summary>The driver's own: rest that is due but too short to sleep for yet.</summary>
    private long _owed;

    /// <summary>The driver's own: the last look found nothing that is due or will become due.</summary>
    private bool _isIdle;

    internal Recompressor(SegmentTable segments, PoolBudget budget, TimeProvider time, TimeSpan age)
    {
        _segments = segments;
        _budget = budget;
        _time = time;
        IsOff = age < TimeSpan.Zero || age.TotalSeconds * time.TimestampFrequency >= long.MaxValue / 4;
        Age = IsOff ? 0 : Math.Max(1, (long)(age.TotalSeconds * time.TimestampFrequency));

        // Most pages are far shorter than one huge page.
        _buffers.Advise(0, _buffers.Bytes, huge: false);
    }

    /// <summary>Whether nothing ever grows cold.</summary>
    internal bool IsOff { get; }

    /// <summary>How long a page must have been left alone, in units of the clock. At least one, so that what has just been looked at is not
    /// due at once.</summary>
    internal long Age { get; }

    internal long Now => _time.GetTimestamp();

    /// <summary>Bytes of native memory in use, at most.</summary>
    internal long Bytes => 2L * Volatile.Read(ref _pageBytes);

    /// <summary>A buffer that a page is encoded to. Valid once <see cref="Page"/> has been called. For the driver only.</summary>
    internal byte* Spare => _buffers.Address + SwapStore.MaxPageBytes;

    /// <summary>A buffer for a page between two codecs. For the driver only.</summary>
    internal byte* Page(int length)
    {
        int page = Interop.VirtualMemory.SystemPageBytes;
        if (length > _pageBytes)
        {
            Volatile.Write(ref _pageBytes, (length + page - 1) / page * page);
        }

        return _buffers.Address;
    }

    /// <summary>Does a bounded piece of work, if there is any and its time has come.</summary>
    /// <param name="driver">The calling thread's number, from 1.</param>
    /// <returns>Milliseconds until it is worth calling again; 0 to go on at once; infinite when another thread drives, or when there is
    /// nothing to do until something is stored.</returns>
    internal int Step(int driver)
    {
        if (IsOff || !TryDrive(driver))
        {
            return Timeout.Infinite;
        }

        long now = Now;
        if (now < _notBefore)
        {
            return Milliseconds(_notBefore - now);
        }

        if (_isIdle)
        {
            // Pairs with NoteStored: either a thread that stores after our look sees this and wakes us, or our look sees what it stored.
            Shared.Write(SharedWord.Counter, ref _asleep, 1);
            Interlocked.MemoryBarrier();
        }

        Recompression found = Look(now, out long due);
        long end = Now;
        _owed += RestShare * (end - now);
        if (found == Recompression.Nothing && due == long.MaxValue)
        {
            if (_isIdle)
            {
                Shared.Write(SharedWord.Counter, ref _driver, Nobody);

                // A thread that has stored since our look has cleared the word and woken a thread, perhaps one that found us driving and
                // went to sleep again. Either that thread finds no driver, or we see here that the word was cleared.
                Interlocked.MemoryBarrier();
                return Shared.Read(SharedWord.Counter, ref _asleep) == 0 ? 0 : Timeout.Infinite;
            }

            _isIdle = true;
            return 0;
        }

        _isIdle = false;
        Shared.Write(SharedWord.Counter, ref _asleep, 0);
        switch (found)
        {
            case Recompression.Busy:
                return BusyMilliseconds;

            case Recompression.Worked when _owed < RestMilliseconds * _time.TimestampFrequency / 1000:
                return 0;

            case Recompression.Worked:
                _notBefore = end + _owed;
                break;

            default:
                _notBefore = Math.Max(due, end + (Age >> AgeShift));
                break;
        }

        _owed = 0;
        return Milliseconds(_notBefore - end);
    }

    /// <summary>Notes that a page has been appended. The caller has made an interlocked addition since it was.</summary>
    internal void NoteStored()
    {
        Fences.AfterInterlocked();
        if (Shared.Read(SharedWord.Counter, ref _asleep) != 0 && Interlocked.Exchange(ref _asleep, 0) != 0)
        {
            _budget.Signal?.Wake();
        }
    }

    internal void DecommitAll() => _buffers.DecommitAll();

    internal void Release() => _buffers.Release();

    private bool TryDrive(int driver)
    {
        int found = Shared.Read(SharedWord.Counter, ref _driver);
        if (found == driver)
        {
            return true;
        }

        TestHook.Reach(SharedWord.Counter);
        return found == Nobody
            && Volatile.Read(ref _asleep) == 0
            && Interlocked.CompareExchange(ref _driver, driver, Nobody) == Nobody;
    }

    private Recompression Look(long now, out long due)
    {
        var found = Recompression.Nothing;
        due = long.MaxValue;
        foreach (SegmentLog? log in _segments.Logs)
        {
            Recompression here = log!.Cold.Recompress(this, now, ref due);
            found = here > found ? here : found;
        }

        return found;
    }

    private int Milliseconds(long span)
    {
        long frequency = _time.TimestampFrequency;
        return (int)Math.Min(((span / frequency) * 1000) + (((span % frequency) * 1000) + frequency - 1) / frequency, int.MaxValue);
    }
}
