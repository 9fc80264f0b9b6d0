using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>Which frame goes next: the replacement policy of one page size.</summary>
/// <remarks>
/// A frame with a page is in one of three rings. The cold ring, the window, is a queue that new pages pass through; the hot ring holds
/// pages that have come back; the third one pages that were brought in ahead and not used yet. A fourth names cold frames that the program
/// is done with.
///
/// A page that comes back takes the place of a hot one only if it was away for much less than the hot one has been idle: that is LIRS's
/// rule, by reuse distances instead of a stack. The distance is counted in faults. A page that is out carries the time of its last use in
/// its own word (<see cref="HistoryOf"/>), so nothing is kept for pages that are not in frames.
/// <code>
///                    fault, untouched or idle for long
///      (out) ─────────────────────────────────────────────▶ cold ──▶ (out)
///        └── fault, away for less than a hot page is idle ─▶ hot ◀── used again while cold, likewise
///                                                             └────▶ cold: idle for longest, when another page takes its place
/// </code>
/// Two figures adapt. The window grows when pages come back that a slightly larger one would have held, or that take a hot page's place;
/// it shrinks when a hot page is used after a long time. Caution is the factor by which a hot page must have been idle longer; it grows
/// when a page that lost its place comes back soon. So a loop or a shuffled epoch, where every page is as good as any other, keeps the
/// pages it has; and where recent pages are used again, the window comes to be nearly all frames.
/// References soon after a page came in say nothing, since a program touches a page many times while it is at it: they are forgotten when
/// the eighth fault after it has come in (<see cref="Fill"/>).
/// docs/policy.md has the measurements.
///
/// Thread-safe. The rings are exact; words, figures and the candidate are hints, in which racing threads may lose a change. Whoever calls
/// reads and clears the pages' reference bits: this type knows frames only.
/// </remarks>
internal sealed unsafe class Replacement
{
    /// <summary>No history: the page has never been out.</summary>
    internal const int None = -1;

    /// <summary>Bits of a history: the time, and whether the page had lost its place among the hot ones.</summary>
    internal const int HistoryBits = TimeBits + 1;

    /// <summary>Hot frames that the caller should look at for each fault, so that one turn of the hot hand takes about half as many faults
    /// as there are frames.</summary>
    internal const int ChecksPerFault = 2;

    private const int TimeBits = 11;
    private const uint TimeMask = (1 << TimeBits) - 1;

    /// <summary>Set in a history, and in the word of a cold frame: the page has lost its place among the hot ones.</summary>
    private const uint Displaced = 1 << TimeBits;

    /// <summary>In the word of a hot frame: it was found unused since its time was noted.</summary>
    private const uint Idle = 1 << (TimeBits + 1);

    /// <summary>In the word of a frame: references do not count yet.</summary>
    private const uint Fresh = 1 << (TimeBits + 2);

    /// <summary>Units of time in which as many faults happen as there are frames, at least. The time goes round after as many faults as 128
    /// times the frames, at least: a page that was away for so long is taken for one that was away for a moment. Finer units gain nothing
    /// on any trace.</summary>
    private const int MinUnitsShift = 3;

    /// <summary>The smallest window is so large a share of the frames; where that is less than the eighth fault needs, a larger share, so
    /// that pages which several threads are at do not go out under their hands.</summary>
    private const double MinWindow = 1.0 / 100;
    private const double MinWindowOfFew = 1.0 / 8;
    private const double MaxWindow = 0.95;

    /// <summary>What a hot page costs the window that is used after a long time, in frames.</summary>
    private const double Shrink = 0.5;

    /// <summary>The share of the frames by which the window is thought larger, to see what that would have held.</summary>
    private const double Margin = 1.0 / 8;

    /// <summary>What a page brings the window that comes back within the margin: as many times <see cref="Shrink"/> as makes frames and
    /// frames compare.</summary>
    private const double Grow = Shrink / Margin;

    /// <summary>What a page brings the window that takes a hot page's place when it comes back.</summary>
    private const double GrowByPromotion = 2 * Shrink;

    /// <summary>How far back such a page may have been used, as a share of the frames.</summary>
    private const double PromotionReach = 0.5;

    /// <summary>Uses of hot pages after less than this share of the longest idle time count for nothing: any policy keeps such
    /// pages.</summary>
    private const double LongIdle = 0.25;

    /// <summary>Faults in which the room that is kept for pages brought in ahead shrinks by a frame. Their number goes up and down all the
    /// time, and each hot page that went with it would be one that is missed.</summary>
    private const int FaultsARoom = 64;

    private const double InitialCaution = 8;
    private const double MaxCaution = 64;
    private const double MoreCaution = 1.3;
    private const double LessCaution = 0.994;

    /// <summary>A hot page idle for so many times as long as pages usually are away has most likely been given up by the program: each page
    /// that then comes back in vain makes the policy less cautious, so that it follows a change of phase.</summary>
    private const double GivenUp = 2;

    private readonly byte* _words;
    private readonly int _stride;
    private int _timeShift;
    private readonly FrameRing _cold;
    private readonly CountedRing _hot;
    private readonly CountedRing _ahead;

    /// <summary>Cold frames that go before all others: those that the program is done with.</summary>
    private readonly CountedRing _first;
    private long _tunedFor;
    private PolicyFigures _now;

    /// <param name="words">A word of 32 bits for each frame, zero at first. They may be parts of records.</param>
    /// <param name="stride">Bytes from word to word.</param>
    /// <param name="rings">Zeroes, <see cref="RingBytes"/> of them.</param>
    /// <param name="frames">The most frames there can be.</param>
    /// <param name="fewest">The fewest that there will be, if that is less by much; 0 otherwise.</param>
    internal Replacement(uint* words, int stride, byte* rings, long frames, long fewest = 0)
    {
        _words = (byte*)words;
        _stride = stride;
        _tunedFor = fewest > 0 ? fewest : frames;
        _timeShift = ShiftFor(_tunedFor);
        _cold = new FrameRing((ulong*)rings, frames);
        _hot = new CountedRing((ulong*)(rings + FrameRing.Bytes(frames)), frames);
        _ahead = new CountedRing((ulong*)(rings + (2 * FrameRing.Bytes(frames))), frames);
        _first = new CountedRing((ulong*)(rings + (3 * FrameRing.Bytes(frames))), frames);
        _now.Candidate = None;
        _now.Caution = InitialCaution;
        ((Span<long>)_now.Recent).Fill(None);
    }

    /// <summary>One past the last frame that is looked for in the rings.</summary>
    internal long Reach
    {
        set => _cold.Reach = _hot.Reach = _ahead.Reach = _first.Reach = value;
    }

    /// <summary>There are to be so many frames from now on. The clock goes on from the time that it shows, in other units: what was noted in
    /// the old ones is read as the same share of the frames. So are the figures that count frames.</summary>
    /// <remarks>Races with everything: a thread that reads the units and the clock at different moments takes a page for older or younger
    /// than it is, once.</remarks>
    internal void Retune(long frames)
    {
        frames = Math.Max(1, frames);
        long before = Interlocked.Exchange(ref _tunedFor, frames);
        if (before == frames)
        {
            return;
        }

        int shift = ShiftFor(frames);
        Volatile.Write(ref _now.Faults, Volatile.Read(ref _now.Faults) >> Volatile.Read(ref _timeShift) << shift);
        Volatile.Write(ref _timeShift, shift);
        _now.Window *= (double)frames / before;
        _now.AheadRoom = Math.Max(FramesAhead, (long)((double)_now.AheadRoom * frames / before));
    }

    /// <summary>Bytes that the rings of so many frames take.</summary>
    internal static long RingBytes(long frames) => 4 * FrameRing.Bytes(frames);

    /// <summary>Hot pages. A thread that changes the ring changes this next, so it may be off by one for each thread that is about
    /// to.</summary>
    internal long HotFrames => _hot.Count;

    /// <summary>Pages brought in ahead that have not been found used; as exact as <see cref="HotFrames"/>.</summary>
    internal long FramesAhead => _ahead.Count;

    /// <summary>Pages that came in.</summary>
    internal long Faults => Volatile.Read(ref _now.Faults);

    private uint Now => (uint)(Volatile.Read(ref _now.Faults) >> _timeShift) & TimeMask;

    /// <summary>The hot frame that may lose its place when a page with this history comes in; <see cref="None"/> when none will. If its
    /// page has been used since it was looked at, the caller says so by <see cref="Check"/> before it calls <see cref="Fill"/>.</summary>
    internal long Rival(int history, long capacity) =>
        HotFrames > HotFramesOf(capacity) ? Volatile.Read(ref _now.Candidate) : history == None ? None : RivalBeyond(Since((uint)history));

    /// <summary>As <see cref="Rival(int, long)"/>, for a victim whose page was used, before <see cref="Spare"/>.</summary>
    internal long Rival(long victim) => (Word(victim) & Fresh) != 0 || _hot.Contains(victim) ? None : RivalBeyond(Since(Word(victim)));

    /// <summary>A page is about to be published in a frame. Called by the thread that owns the frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="history">What <see cref="HistoryOf"/> said when the page went out; <see cref="None"/> if it never has.</param>
    /// <param name="capacity">The frames that there are now.</param>
    /// <param name="isFull">Whether pages have to go out for pages to come in.</param>
    /// <returns>The frame whose references have said nothing so far, and count from now on: the caller clears its reference bit;
    /// <see cref="None"/> when there is none.</returns>
    internal long Fill(long frame, int history, long capacity, bool isFull)
    {
        // Two threads that get the same number cost a fault less on the clock.
        long now = Volatile.Read(ref _now.Faults) + 1;
        Volatile.Write(ref _now.Faults, now);

        if (now % FaultsARoom == 0 && Volatile.Read(ref _now.AheadRoom) is > 0 and long room)
        {
            Volatile.Write(ref _now.AheadRoom, Math.Max(FramesAhead, room - 1));
        }

        // First: the frame may be the one that it is time for, with the page that it had before.
        long settled = Settle(now, frame);
        Word(frame) = Now | Fresh;
        long hotFrames = Adapt(history, capacity);
        bool isHot = HotFrames < hotFrames
            ? history != None || !isFull
            : history != None && TryPromote(frame, Since((uint)history), history, capacity);
        if (isHot)
        {
            _cold.Remove(frame);
            _hot.Add(frame);
        }
        else
        {
            _hot.Remove(frame);
            _cold.Add(frame);
        }

        return settled;
    }

    /// <summary>How many faults ago a page went out of its frame, or was used last before that, by its history. Coarse, and modulo some
    /// dozens of times as many faults as there are frames.</summary>
    internal long WasAwayFor(int history) => (long)Since((uint)history) << _timeShift;

    /// <summary>As <see cref="Fill"/>, for a page that nobody has accessed yet. It is no victim until it is used, or has not been for as
    /// many faults as there are frames, and hot pages make room for it; so pages brought in ahead do not push each other out.</summary>
    internal void FillAhead(long frame, long capacity)
    {
        Volatile.Write(ref _now.Faults, Volatile.Read(ref _now.Faults) + 1);
        Word(frame) = Now;
        _cold.Remove(frame);
        _hot.Remove(frame);
        if (_ahead.Add(frame) && FramesAhead is long ahead && ahead > Volatile.Read(ref _now.AheadRoom))
        {
            Volatile.Write(ref _now.AheadRoom, ahead);
        }

        if (HotFrames > HotFramesOf(capacity) && !TryDisplace(minIdle: -1) && _hot.Next() is >= 0 and long hot)
        {
            // None is known to be idle. The one that the hand comes to is as good as any: if it is in use, it will be seen to be.
            TryDisplace(hot);
        }
    }

    /// <summary>The frame to be looked at next of those whose pages were brought in ahead; <see cref="None"/> when there is none. The caller
    /// passes what it finds to <see cref="CheckAhead"/>.</summary>
    internal long NextAhead() => FramesAhead > 0 ? _ahead.Next() : None;

    /// <summary>A page that was brought in ahead is wanted ahead once more: it stays as long as if it came in now.</summary>
    /// <returns>False when it is not among those any more.</returns>
    internal bool TryRenewAhead(long frame)
    {
        // Races with who evicts the page: then the next page of the frame gets its own word.
        bool isAhead = _ahead.Contains(frame);
        if (isAhead)
        {
            Word(frame) = Now;
        }

        return isAhead;
    }

    /// <summary>A page that was brought in ahead was found used, or not. Its first use is what a fault is for other pages.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="used">Whether it was.</param>
    /// <param name="patience">So many faults after it came in, it is like any other page although it was not.</param>
    internal void CheckAhead(long frame, bool used, long patience)
    {
        if ((used || (long)Since(Word(frame)) << _timeShift > patience) && _ahead.Remove(frame))
        {
            Word(frame) = Now;
            _cold.Add(frame);
        }
    }

    /// <summary>Whether a frame is in any ring, as each one is that has a page and is at rest.</summary>
    internal bool Knows(long frame) => _cold.Contains(frame) || _hot.Contains(frame) || _ahead.Contains(frame);

    /// <summary>What is to be kept of a page that goes out of a frame.</summary>
    internal int HistoryOf(long frame)
    {
        // A page that lost its place is judged by how soon it comes back after that, not by when it was used last.
        uint word = Word(frame);
        return (int)((word & Displaced) != 0 ? Now | Displaced : word & TimeMask);
    }

    /// <summary>The frame holds no page any more.</summary>
    internal void Remove(long frame)
    {
        _cold.Remove(frame);
        _hot.Remove(frame);
        _ahead.Remove(frame);
        _first.Remove(frame);
    }

    /// <summary>The program will not use the page soon: its frame loses its place, and is the next victim, once. A frame without a page is
    /// left alone.</summary>
    internal void Cool(long frame)
    {
        // Races with who evicts the page: then a frame without a page may be named as a victim, once.
        if (_hot.Remove(frame) || _ahead.Remove(frame))
        {
            _cold.Add(frame);
        }

        if (_cold.Contains(frame))
        {
            _first.Add(frame);
        }
    }

    /// <summary>The frame to evict next, unless its page was used meanwhile; <see cref="None"/> when no frame has a page. Where the window is
    /// empty, any other.</summary>
    internal long NextVictim() => _first.TakeNext() is >= 0 and long first ? first
        : _cold.Next() is >= 0 and long cold ? cold
        : _hot.Next() is >= 0 and long hot ? hot
        : _ahead.Next();

    /// <summary>Mostly what <see cref="NextVictim"/> would return: frames that go before all others, and those brought in ahead, are left
    /// out. For a prefetch only.</summary>
    internal long LikelyVictim() => _cold.Peek() is >= 0 and long frame ? frame : _hot.Peek();

    /// <summary>The page of a victim was used, so it stays for now.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="capacity">The frames that there are now.</param>
    internal void Spare(long frame, long capacity)
    {
        uint word = Word(frame);
        if ((word & Fresh) != 0)
        {
            return;
        }

        Word(frame) = Now | (word & Displaced);
        if (!_hot.Contains(frame)
            && (HotFrames < HotFramesOf(capacity) || TryPromote(frame, Since(word), None, capacity))
            && _cold.Remove(frame))
        {
            Word(frame) = Now;
            _hot.Add(frame);
        }
    }

    /// <summary>The hot frame to be looked at next; <see cref="None"/> when there is none. The caller passes what it finds to
    /// <see cref="Check"/>.</summary>
    internal long NextHot() => _hot.Next();

    /// <summary>A hot page was found used since it was last looked at, or not.</summary>
    internal void Check(long frame, bool used, long capacity)
    {
        if (!_hot.Contains(frame))
        {
            return;
        }

        uint word = Word(frame);
        double idle = Since(word);
        double longest = _now.MaxIdle;
        if (used)
        {
            if ((word & Idle) != 0 && idle >= LongIdle * longest)
            {
                _now.Window = Math.Max(MinWindowOf(capacity), _now.Window - Shrink);
            }

            _now.MaxIdle = Math.Max(longest, idle);
            Word(frame) = Now;
            return;
        }

        Word(frame) = word | Idle;
        _now.MaxIdle = idle > longest ? idle : longest - ((longest - idle) / 1024);
        long candidate = Volatile.Read(ref _now.Candidate);
        if (candidate < 0 || !_hot.Contains(candidate) || (Word(candidate) & Idle) == 0 || idle > Since(Word(candidate)))
        {
            Volatile.Write(ref _now.Candidate, frame);
        }
    }

    /// <summary>Adapts to a page that has come back, and makes a hot page cold if the window is to be larger.</summary>
    /// <returns>The hot frames that there are to be.</returns>
    private long Adapt(int history, long capacity)
    {
        double window = Math.Max(_now.Window, MinWindowOf(capacity));
        if (history != None)
        {
            int away = Since((uint)history);
            _now.UsuallyAway += (away - _now.UsuallyAway) / 64;
            if (((uint)history & Displaced) != 0)
            {
                _now.Caution = away < _now.PromotedAfter ? Math.Min(MaxCaution, _now.Caution * MoreCaution) : _now.Caution;
            }
            else if ((long)away << _timeShift <= window + (capacity * Margin))
            {
                window += Grow;
            }
        }

        _now.Window = Math.Min(window, MaxWindow * capacity);
        long hot = HotFramesOf(capacity);
        if (HotFrames > hot)
        {
            TryDisplace(minIdle: -1);
        }

        return hot;
    }

    /// <summary>Whether a page that comes back, or was used while cold, takes the place of a hot one.</summary>
    private bool TryPromote(long frame, int away, int history, long capacity)
    {
        int distance = Math.Max(away, 1);
        if (Volatile.Read(ref _now.Candidate) == frame)
        {
            return false;
        }

        if (!TryDisplace(_now.Caution * distance))
        {
            _now.Caution = IsIdle(Volatile.Read(ref _now.Candidate), Math.Max(distance, GivenUp * _now.UsuallyAway))
                ? Math.Max(1, _now.Caution * (1 - (1.0 / capacity)))
                : _now.Caution;
            return false;
        }

        _now.PromotedAfter = _now.PromotedAfter == 0 ? distance : _now.PromotedAfter + ((distance - _now.PromotedAfter) / 20);
        _now.Caution = Math.Max(1, _now.Caution * LessCaution);
        if (history != None && ((uint)history & Displaced) == 0 && (long)away << _timeShift < PromotionReach * capacity)
        {
            _now.Window = Math.Min(_now.Window + GrowByPromotion, MaxWindow * capacity);
        }

        return true;
    }

    private bool IsIdle(long frame, double beyond) => frame >= 0 && (Word(frame) & Idle) != 0 && Since(Word(frame)) > beyond;

    private long RivalBeyond(int away)
    {
        long frame = Volatile.Read(ref _now.Candidate);
        return frame >= 0 && Since(Word(frame)) > _now.Caution * Math.Max(away, 1) ? frame : None;
    }

    /// <summary>Makes the hot page cold that has been idle for longest, as far as is known, if that is long enough.</summary>
    private bool TryDisplace(double minIdle)
    {
        long frame = Volatile.Read(ref _now.Candidate);
        if (!IsIdle(frame, minIdle))
        {
            return false;
        }

        Volatile.Write(ref _now.Candidate, None);
        return TryDisplace(frame);
    }

    private bool TryDisplace(long frame)
    {
        // Races with threads that displace the same page, or evict it: one of them finds it hot.
        if (!_hot.Remove(frame))
        {
            return false;
        }

        Word(frame) |= Displaced;
        _cold.Add(frame);
        return true;
    }

    private long Settle(long now, long frame)
    {
        ref long slot = ref _now.Recent[(int)(now % PolicyFigures.CorrelatedFaults)];
        long settled = Volatile.Read(ref slot);
        Volatile.Write(ref slot, frame);
        if (settled < 0 || (Word(settled) & Fresh) == 0)
        {
            return None;
        }

        Word(settled) &= ~Fresh;
        return settled;
    }

    /// <summary>Units of time since a moment that a word or a history names.</summary>
    private int Since(uint then) => (int)((Now - then) & TimeMask);

    private long HotFramesOf(long capacity) =>
        (long)(capacity - Math.Max(_now.Window, MinWindowOf(capacity))) - Volatile.Read(ref _now.AheadRoom);

    private static int ShiftFor(long frames) => Math.Max(0, BitOperations.Log2((ulong)frames) - MinUnitsShift);

    private static double MinWindowOf(long capacity) =>
        Math.Max(Math.Max(1, capacity * MinWindow), Math.Min(PolicyFigures.CorrelatedFaults, capacity * MinWindowOfFew));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref uint Word(long frame) => ref *(uint*)(_words + (frame * _stride));
}
