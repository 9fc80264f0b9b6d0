using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>What share of the faults of one page size larger frames would save, by miniature simulation.</summary>
/// <remarks>
/// Of all pages a fixed share is sampled, by a hash of their identity. Three sets of frames in miniature (<see cref="MiniatureFrames"/>),
/// smaller in the same proportion than frames larger by 25, 50 and 100% would be, see the uses of these pages that the pager sees: their
/// faults, and their reference bits when the clock finds them set. What they miss, for each sampled fault, is what larger frames would
/// not save. So the forecast holds for the pager's own policy, of which reuse distances say nothing: of a loop twice as long as there are
/// frames, LRU saves nothing until all of it fits.
///
/// Bounded: <see cref="MaxPages"/> sampled pages are known at most. When another one comes, the one is forgotten that has been out for
/// longest, of some, if that is so long that the policy would hardly know it; otherwise a smaller share is sampled from then on. And one
/// fault in 64 does some work at most, on average: where the share is larger, there are rests, after which nothing counts until the sets
/// have had time to catch up.
///
/// Thread-safe. A sampled use takes a lock, and is passed over if other threads keep it for long: by all sets, and by the count of faults.
/// That should be rare: a page whose fault was passed over is not seen while it is in its frame.
/// </remarks>
internal sealed unsafe class FrameForecast
{
    /// <summary>With fewer frames there is no forecast.</summary>
    internal const int MinPagerFrames = 8;

    /// <summary>Sampled pages that are known at most.</summary>
    internal const int MaxPages = 2048;

    private const int Sets = 3;

    /// <summary>So many frames in miniature stand for the pager's: the former where the pages that come back fit into the table, down to
    /// the latter otherwise.</summary>
    private const int MaxFrames = 256;
    private const int MinFrames = 128;

    /// <summary>A page may be forgotten that was out for so many turns: as many sampled faults as there are frames in miniature.</summary>
    private const int TurnsRemembered = 16;

    /// <summary>Pages that are looked at for one to be forgotten.</summary>
    private const int Candidates = 16;

    /// <summary>Of so many faults of the smallest pages one does work, and of larger pages, whose faults take longer, of fewer.</summary>
    private const int FaultsPerSample = 64;
    private const int MinFaultsPerSample = 8;

    /// <summary>Looks at the lock before a use is passed over.</summary>
    private const int MaxLooks = 64;

    private const int AgeShift = 5;

    /// <summary>Sampled faults from one look at the figures to the next.</summary>
    private const int SamplesPerStep = 32;

    /// <summary>The figures are of so many turns, or of so many sampled faults, and older ones count half, a quarter and so on. A loop
    /// should come round more than once in it, since hits in it cluster.</summary>
    private const int TurnsWindow = 8;
    private const int MinWindow = 512;

    /// <summary>After so many turns, or so many sampled faults, there may be a rest.</summary>
    private const int TurnsPhase = 24;
    private const int MinPhase = 2048;

    /// <summary>What comes after a rest counts for nothing for so many turns.</summary>
    private const int TurnsUncounted = 8;

    /// <summary>Everything that the pointers point into; pinned.</summary>
    private readonly byte[]? _memory;
    private readonly SampledPage* _pages;
    private readonly ushort* _buckets;
    private readonly int _maxPages;
    private readonly int _faultsPerSample;
    private readonly uint _bucketMask;
    private readonly MiniatureFrames[] _sets = [];

    /// <summary>Sampled faults that count, and what each set has missed since.</summary>
    private long _counted;
    private readonly long[] _missed = new long[Sets];

    /// <summary>What is told: written by who has the lock.</summary>
    private readonly double[] _saved = [double.NaN, double.NaN, double.NaN];

    /// <summary>Pages are sampled whose hash is below this; 0 in a rest.</summary>
    private ulong _threshold;

    /// <summary>The fault at which a rest ends.</summary>
    private long _restBegin;
    private long _rest = -1;
    private ulong _share;

    /// <summary>Of the sampled pages, those are kept whose fingerprint is below this.</summary>
    private ulong _kept = 1UL << 32;

    /// <summary>As many frames as this are to the sets what the pager's frames are to larger ones. Changes with those, and with the share
    /// that is sampled.</summary>
    private int _frames;
    private readonly int _maxFrames;

    /// <summary>Sampled faults, those of pages that have been out before, and how many of the former count for nothing.</summary>
    private long _samples;
    private long _returns;
    private long _uncounted;

    /// <summary>The fault, and those two, when the last rest ended.</summary>
    private long _phaseFault;
    private long _phaseSamples;
    private long _phaseReturns;
    private int _hand;
    private ushort _free;
    private int _isBusy;

    /// <param name="maxFrames">The most frames of the size.</param>
    /// <param name="pageBytes">The size.</param>
    /// <param name="rests">Whether the work is bounded on average; false for tests and benchmarks.</param>
    internal FrameForecast(long maxFrames, int pageBytes, bool rests)
    {
        if (maxFrames < MinPagerFrames)
        {
            return;
        }

        _maxFrames = _frames = (int)Math.Min(maxFrames, MaxFrames);
        _maxPages = Math.Min(MaxPages, 32 * _frames);
        _share = (ulong)((double)_frames / maxFrames * (1UL << 32));
        int tableBytes = (_maxPages + 1) * sizeof(SampledPage);
        _bucketMask = BitOperations.RoundUpToPowerOf2((uint)_maxPages) - 1;
        int bucketBytes = (int)(_bucketMask + 1) * sizeof(ushort);
        int setBytes = 0;
        for (int set = 0; set < Sets; set++)
        {
            setBytes += MiniatureFrames.Bytes(FramesOf(set, _frames) + 1);
        }

        _memory = GC.AllocateArray<byte>(tableBytes + bucketBytes + setBytes, pinned: true);
        byte* memory = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        _pages = (SampledPage*)memory;
        _sets = new MiniatureFrames[Sets];
        memory += tableBytes;
        for (int set = 0; set < Sets; set++)
        {
            int most = FramesOf(set, _frames) + 1;
            _sets[set] = new MiniatureFrames(
                memory, most, FramesOf(set, Math.Min(_frames, MinFrames)), &_pages->First + set, sizeof(SampledPage));
            memory += MiniatureFrames.Bytes(most);
        }

        _buckets = (ushort*)memory;
        _threshold = _share;
        int largerBy = BitOperations.Log2((uint)pageBytes / FramePool.MinPageBytes);
        _faultsPerSample = rests ? Math.Max(MinFaultsPerSample, FaultsPerSample >> (largerBy / 2)) : 1;
        for (int page = _maxPages; page > 0; page--)
        {
            _pages[page].Next = _free;
            _free = (ushort)page;
        }
    }

    /// <summary>Bytes that it takes.</summary>
    internal int Bytes => _memory?.Length ?? 0;

    /// <summary>The share of the faults that frames larger by 25, 50 and 100% would save; NaN until enough is sampled.</summary>
    internal (double Plus25, double Plus50, double Plus100) Saved =>
        (Volatile.Read(ref _saved[0]), Volatile.Read(ref _saved[1]), Volatile.Read(ref _saved[2]));

    /// <summary>Whether <see cref="NoteFault"/> has anything to do for a fault.</summary>
    /// <param name="identity">The page's, the same each time.</param>
    /// <param name="fault">The number of the fault; −1 if that is not to be looked at.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsSampled(ulong identity, long fault) =>
        (uint)SplitMix64.Mix(identity) < Volatile.Read(ref _threshold) || IsRested(fault);

    /// <summary>A page is brought into a frame that <see cref="IsSampled"/>.</summary>
    /// <param name="identity">The page's, the same each time.</param>
    /// <param name="isNew">Whether it has never been in a frame.</param>
    /// <param name="isAhead">Whether nobody has used it yet.</param>
    /// <param name="fault">The number of the fault.</param>
    /// <param name="capacity">Frames that there are, or will be before pages have to go out.</param>
    /// <returns>A number for <see cref="NoteUsed"/>, while the page is in its frame; 0 when it is not sampled.</returns>
    internal ushort NoteFault(ulong identity, bool isNew, bool isAhead, long fault, long capacity)
    {
        if (_memory is null || !TryHold())
        {
            return 0;
        }

        ushort page = Sample(SplitMix64.Mix(identity), isNew, isAhead, fault, capacity);
        Shared.Write(SharedWord.Counter, ref _isBusy, 0);
        return page;
    }

    /// <summary>A page that is in a frame was found used.</summary>
    /// <param name="page">What <see cref="NoteFault"/> returned for it. If that names another page by now, that one is taken for
    /// used.</param>
    /// <param name="capacity">As there.</param>
    internal void NoteUsed(ushort page, long capacity)
    {
        if (Volatile.Read(ref _threshold) == 0 || !TryHold())
        {
            return;
        }

        if (_pages[page].IsKnown)
        {
            Use(page, isAhead: false, capacity);
        }

        Shared.Write(SharedWord.Counter, ref _isBusy, 0);
    }

    private ushort Sample(ulong hash, bool isNew, bool isAhead, long fault, long capacity)
    {
        if (_threshold == 0)
        {
            EndRest(fault);
        }

        _frames = ScaledFrames(capacity);
        while (_frames > _maxFrames)
        {
            SampleFewer();
        }

        // With fewer frames the miniature comes to be too small to tell much, so a larger share is sampled: but only once there are so few
        // frames that the pages which come back still fit into the table, so that the share does not go up and down.
        while (2 * _frames <= Math.Min(MinFrames, _maxFrames) && TrySampleMore(capacity))
        {
        }

        uint fingerprint = (uint)(hash >> 32);
        if ((uint)hash >= _threshold || fingerprint >= _kept)
        {
            return 0;
        }

        ushort page = Find(fingerprint);
        if (page != 0 && isNew)
        {
            // Another one, of an array that was disposed, or the same after a discard.
            Forget(page);
            page = 0;
        }

        if (page == 0)
        {
            if (_free == 0)
            {
                MakeRoom();
            }

            if (fingerprint >= _kept)
            {
                return 0;
            }

            page = Add(fingerprint);
        }

        _samples++;
        _returns += isNew ? 0 : 1;
        _pages[page].LastUse = Age;
        _counted += _samples > _uncounted ? 1 : 0;
        Use(page, isAhead, capacity);
        if (_samples % SamplesPerStep == 0)
        {
            Publish();
            TryRest(fault);
        }

        return page;
    }

    /// <summary>0 → 1: races with other threads that fault, or find a page used. Their turns take half a microsecond, so it waits for some
    /// of them; a thread that has lost its processor for long is not waited for.</summary>
    private bool TryHold()
    {
        Spinner spinner = default;
        for (int look = 0; look < MaxLooks; look++)
        {
            if (Shared.Read(SharedWord.Counter, ref _isBusy) == 0
                && Shared.CompareExchange(SharedWord.Counter, ref _isBusy, 1, 0) == 0)
            {
                return true;
            }

            spinner.Once();
        }

        return false;
    }

    private void Use(int page, bool isAhead, long capacity)
    {
        double scaled = Scaled(capacity);
        bool counts = _samples > _uncounted;
        for (int set = 0; set < Sets; set++)
        {
            bool hit = _sets[set].Access(page, FramesOf(set, scaled), isAhead);
            _missed[set] += hit | !counts ? 0 : 1;
        }
    }

    private void Publish()
    {
        if (_counted < 2 * Math.Max(_frames, MinPagerFrames))
        {
            return;
        }

        for (int set = 0; set < Sets; set++)
        {
            Volatile.Write(ref _saved[set], Math.Max(0, 1 - ((double)_missed[set] / _counted)));
        }

        if (_counted >= Math.Max(MinWindow, TurnsWindow * _frames))
        {
            _counted /= 2;
            for (int set = 0; set < Sets; set++)
            {
                _missed[set] /= 2;
            }
        }
    }

    /// <summary>Begins a rest if the sets have worked for long enough, and on more faults than agreed.</summary>
    private void TryRest(long fault)
    {
        // Pages that come for the first time say little. But they do not keep it from resting for ever.
        long samples = _samples - _phaseSamples;
        long phase = Math.Max(MinPhase, TurnsPhase * _frames);
        if (_returns - _phaseReturns < phase && samples < 4 * phase)
        {
            return;
        }

        long rest = (_faultsPerSample * samples) - (fault - _phaseFault);
        BeginPhase(fault);
        if (rest > 0)
        {
            Volatile.Write(ref _restBegin, fault);
            Volatile.Write(ref _rest, rest);
            Volatile.Write(ref _threshold, 0);
        }
    }

    private void EndRest(long fault)
    {
        BeginPhase(fault);
        _uncounted = _samples + (TurnsUncounted * _frames);
        Volatile.Write(ref _rest, -1);
        Volatile.Write(ref _threshold, _share);
    }

    /// <summary>Whether a rest is over. The number of faults goes back when the policy's units change: that ends it, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsRested(long fault) =>
        fault >= 0 && Volatile.Read(ref _rest) is >= 0 and long rest && (ulong)(fault - Volatile.Read(ref _restBegin)) >= (ulong)rest;

    private void BeginPhase(long fault) => (_phaseFault, _phaseSamples, _phaseReturns) = (fault, _samples, _returns);

    private ushort Find(uint fingerprint)
    {
        ushort page = Bucket(fingerprint);
        while (page != 0 && _pages[page].Fingerprint != fingerprint)
        {
            page = _pages[page].Next;
        }

        return page;
    }

    private ushort Add(uint fingerprint)
    {
        ushort page = _free;
        _free = _pages[page].Next;
        ref ushort bucket = ref Bucket(fingerprint);
        _pages[page].Fingerprint = fingerprint;
        _pages[page].Next = bucket;
        bucket = page;
        return page;
    }

    /// <summary>Forgets the page that was out for longest, of some. If that is not long, forgets half of all, and samples half as
    /// many.</summary>
    private void MakeRoom()
    {
        int oldest = 0;
        int oldestAge = -1;
        int candidates = 0;
        for (int i = 0; i < _maxPages && candidates < Candidates; i++)
        {
            _hand = (_hand % _maxPages) + 1;
            int age = (ushort)(Age - _pages[_hand].LastUse);
            if (!IsInAnyFrame(_hand))
            {
                candidates++;
                (oldest, oldestAge) = age > oldestAge ? (_hand, age) : (oldest, oldestAge);
            }
        }

        if (_frames / 2 >= MinFrames && oldestAge << AgeShift < TurnsRemembered * _frames)
        {
            SampleFewer();
        }

        if (_free == 0)
        {
            Forget((ushort)(oldest == 0 ? _hand : oldest));
        }
    }

    private void SampleFewer()
    {
        _kept /= 2;
        _frames /= 2;
        for (int page = 1; page <= _maxPages; page++)
        {
            if (_pages[page].IsKnown && _pages[page].Fingerprint >= _kept)
            {
                Forget((ushort)page);
            }
        }
    }

    /// <summary>Samples twice as many pages, if there are more. The sets have never seen the new ones, and therefore count nothing until they
    /// have caught up.</summary>
    private bool TrySampleMore(long capacity)
    {
        if (_kept < 1UL << 32)
        {
            _kept *= 2;
        }
        else if (_share < 1UL << 32)
        {
            _share = Math.Min(2 * _share, 1UL << 32);
            Volatile.Write(ref _threshold, _share);
        }
        else
        {
            return false;
        }

        _frames = ScaledFrames(capacity);
        _uncounted = _samples + (TurnsUncounted * _frames);
        return true;
    }

    private bool IsInAnyFrame(int page)
    {
        bool any = false;
        foreach (MiniatureFrames set in _sets)
        {
            any |= set.IsResident(page);
        }

        return any;
    }

    private void Forget(ushort page)
    {
        ref ushort link = ref Bucket(_pages[page].Fingerprint);
        while (link != page)
        {
            link = ref _pages[link].Next;
        }

        link = _pages[page].Next;
        foreach (MiniatureFrames set in _sets)
        {
            set.Forget(page);
        }

        _pages[page].Next = _free;
        _free = page;
    }

    private int ScaledFrames(long capacity) => (int)Math.Min(int.MaxValue, Math.Round(Scaled(capacity)));

    private double Scaled(long capacity) => (double)capacity * _share / (1UL << 32) * _kept / (1UL << 32);

    private static int FramesOf(int set, double scaled) => (int)Math.Round(scaled * (set == Sets - 1 ? 2 : 1.25 + (0.25 * set)));

    private ref ushort Bucket(uint fingerprint) => ref _buckets[fingerprint & _bucketMask];

    private ushort Age => (ushort)(_samples >> AgeShift);
}
