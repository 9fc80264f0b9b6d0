using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>Which frame goes next: the replacement policy of one page size.</summary>
/// <remarks>
/// Two rings over the frames. The cold ring, the window, is a queue that new pages pass through; the hot ring holds pages that have come
/// back. A page that comes back takes the place of a hot one only if it was away for much less than the hot one has been idle: that is
/// LIRS's rule, by reuse distances instead of a stack. The distance is counted in faults. A page that is out carries the time of its last
/// use in its own word (<see cref="HistoryOf"/>), so nothing is kept for pages that are not in frames.
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

    /// <summary>Units of time in which as many faults happen as there are frames, at least.</summary>
    private const int MinUnitsShift = 5;

    /// <summary>Faults after which references to a page begin to count.</summary>
    private const int CorrelatedFaults = 8;

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

    private const double InitialCaution = 8;
    private const double MaxCaution = 64;
    private const double MoreCaution = 1.3;
    private const double LessCaution = 0.994;

    /// <summary>A hot page idle for so many times as long as pages usually are away has most likely been given up by the program: each page
    /// that then comes back in vain makes the policy less cautious, so that it follows a change of phase.</summary>
    private const double GivenUp = 2;

    private readonly byte* _words;
    private readonly int _stride;
    private readonly int _timeShift;
    private readonly FrameRing _cold;
    private readonly FrameRing _hot;
    private readonly FrameRing _ahead;
    private RecentFrames _recent;
    private long _faults;
    private long _hotFrames;
    private long _framesAhead;
    private long _candidate = -1;
    private double _window;
    private double _caution = InitialCaution;
    private double _promotedAfter;
    private double _usuallyAway;
    private double _longestIdle;

    /// <param name="words">A word of 32 bits for each frame, zero at first. They may be parts of records.</param>
    /// <param name="stride">Bytes from word to word.</param>
    /// <param name="rings">Zeroes, <see cref="RingBytes"/> of them.</param>
    /// <param name="frames">The most frames there can be.</param>
    /// <param name="fewest">The fewest that there will be, if that is less by much; 0 otherwise.</param>
    internal Replacement(uint* words, int stride, byte* rings, long frames, long fewest = 0)
    {
        _words = (byte*)words;
        _stride = stride;
        _timeShift = Math.Max(0, BitOperations.Log2((ulong)(fewest > 0 ? fewest : frames)) - MinUnitsShift);
        _cold = new FrameRing((ulong*)rings, frames);
        _hot = new FrameRing((ulong*)(rings + FrameRing.Bytes(frames)), frames);
        _ahead = new FrameRing((ulong*)(rings + (2 * FrameRing.Bytes(frames))), frames);
        ((Span<long>)_recent).Fill(None);
    }

    /// <summary>Bytes that the rings of so many frames take.</summary>
    internal static long RingBytes(long frames) => 3 * FrameRing.Bytes(frames);

    /// <summary>Hot pages. A thread that changes the ring changes this next, so it may be off by one for each thread that is about
    /// to.</summary>
    internal long HotFrames => Volatile.Read(ref _hotFrames);

    /// <summary>Frames that the cold ring is to have.</summary>
    internal double Window => Volatile.Read(ref _window);

    /// <summary>Pages that came in.</summary>
    internal long Faults => Volatile.Read(ref _faults);

    private uint Now => (uint)(Volatile.Read(ref _faults) >> _timeShift) & TimeMask;

    /// <summary>The hot frame that may lose its place when a page with this history comes in; <see cref="None"/> when none will. If its
    /// page has been used since it was looked at, the caller says so by <see cref="Check"/> before it calls <see cref="Fill"/>.</summary>
    internal long Rival(int history, long capacity) =>
        HotFrames > HotFramesOf(capacity) ? Volatile.Read(ref _candidate) : history == None ? None : RivalBeyond(Since((uint)history));

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
        long now = Volatile.Read(ref _faults) + 1;
        Volatile.Write(ref _faults, now);

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
            AddHot(frame);
        }
        else
        {
            RemoveHot(frame);
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
        Volatile.Write(ref _faults, Volatile.Read(ref _faults) + 1);
        Word(frame) = Now;
        _cold.Remove(frame);
        RemoveHot(frame);
        if (_ahead.Add(frame))
        {
            Interlocked.Increment(ref _framesAhead);
        }

        if (HotFrames > HotFramesOf(capacity) && !TryDisplace(minIdle: -1) && _hot.Next() is >= 0 and long hot)
        {
            // None is known to be idle. The one that the hand comes to is as good as any: if it is in use, it will be seen to be.
            TryDisplace(hot);
        }
    }

    /// <summary>The frame to be looked at next of those whose pages were brought in ahead; <see cref="None"/> when there is none. The caller
    /// passes what it finds to <see cref="CheckAhead"/>.</summary>
    internal long NextAhead() => Volatile.Read(ref _framesAhead) > 0 ? _ahead.Next() : None;

    /// <summary>A page that was brought in ahead was found used, or not. Its first use is what a fault is for other pages.</summary>
    internal void CheckAhead(long frame, bool used, long capacity)
    {
        if ((used || (long)Since(Word(frame)) << _timeShift > capacity) && RemoveAhead(frame))
        {
            Word(frame) = Now;
            _cold.Add(frame);
        }
    }

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
        RemoveHot(frame);
        RemoveAhead(frame);
    }

    /// <summary>The frame to evict next, unless its page was used meanwhile; <see cref="None"/> when no frame has a page. Where the window is
    /// empty, any other.</summary>
    internal long NextVictim() => _cold.Next() is >= 0 and long cold ? cold : _hot.Next() is >= 0 and long hot ? hot : _ahead.Next();

    /// <summary>What <see cref="NextVictim"/> would return.</summary>
    internal long PeekVictim() => _cold.Peek() is >= 0 and long frame ? frame : _hot.Peek();

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
            AddHot(frame);
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
        double longest = _longestIdle;
        if (used)
        {
            if ((word & Idle) != 0 && idle >= LongIdle * longest)
            {
                _window = Math.Max(MinWindowOf(capacity), _window - Shrink);
            }

            _longestIdle = Math.Max(longest, idle);
            Word(frame) = Now;
            return;
        }

        Word(frame) = word | Idle;
        _longestIdle = idle > longest ? idle : longest - ((longest - idle) / 1024);
        long candidate = Volatile.Read(ref _candidate);
        if (candidate < 0 || !_hot.Contains(candidate) || (Word(candidate) & Idle) == 0 || idle > Since(Word(candidate)))
        {
            Volatile.Write(ref _candidate, frame);
        }
    }

    /// <summary>Adapts to a page that has come back, and makes a hot page cold if the window is to be larger.</summary>
    /// <returns>The hot frames that there are to be.</returns>
    private long Adapt(int history, long capacity)
    {
        double window = Math.Max(_window, MinWindowOf(capacity));
        if (history != None)
        {
            int away = Since((uint)history);
            _usuallyAway += (away - _usuallyAway) / 64;
            if (((uint)history & Displaced) != 0)
            {
                _caution = away < _promotedAfter ? Math.Min(MaxCaution, _caution * MoreCaution) : _caution;
            }
            else if ((long)away << _timeShift <= window + (capacity * Margin))
            {
                window += Grow;
            }
        }

        _window = Math.Min(window, MaxWindow * capacity);
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
        if (Volatile.Read(ref _candidate) == frame)
        {
            return false;
        }

        if (!TryDisplace(_caution * distance))
        {
            _caution = IsIdle(Volatile.Read(ref _candidate), Math.Max(distance, GivenUp * _usuallyAway)) ? Math.Max(1, _caution * (1 - (1.0 / capacity))) : _caution;
            return false;
        }

        _promotedAfter = _promotedAfter == 0 ? distance : _promotedAfter + ((distance - _promotedAfter) / 20);
        _caution = Math.Max(1, _caution * LessCaution);
        if (history != None && ((uint)history & Displaced) == 0 && (long)away << _timeShift < PromotionReach * capacity)
        {
            _window = Math.Min(_window + GrowByPromotion, MaxWindow * capacity);
        }

        return true;
    }

    private bool IsIdle(long frame, double beyond) => frame >= 0 && (Word(frame) & Idle) != 0 && Since(Word(frame)) > beyond;

    private long RivalBeyond(int away)
    {
        long frame = Volatile.Read(ref _candidate);
        return frame >= 0 && Since(Word(frame)) > _caution * Math.Max(away, 1) ? frame : None;
    }

    /// <summary>Makes the hot page cold that has been idle for longest, as far as is known, if that is long enough.</summary>
    private bool TryDisplace(double minIdle)
    {
        long frame = Volatile.Read(ref _candidate);
        if (!IsIdle(frame, minIdle))
        {
            return false;
        }

        Volatile.Write(ref _candidate, None);
        return TryDisplace(frame);
    }

    private bool TryDisplace(long frame)
    {
        // Races with threads that displace the same page, or evict it: one of them finds it hot.
        if (!RemoveHot(frame))
        {
            return false;
        }

        Word(frame) |= Displaced;
        _cold.Add(frame);
        return true;
    }

    private long Settle(long now, long frame)
    {
        ref long slot = ref _recent[(int)(now % CorrelatedFaults)];
        long settled = Volatile.Read(ref slot);
        Volatile.Write(ref slot, frame);
        if (settled < 0 || (Word(settled) & Fresh) == 0)
        {
            return None;
        }

        Word(settled) &= ~Fresh;
        return settled;
    }

    private void AddHot(long frame)
    {
        if (_hot.Add(frame))
        {
            Interlocked.Increment(ref _hotFrames);
        }
    }

    private bool RemoveAhead(long frame)
    {
        bool wasAhead = _ahead.Remove(frame);
        if (wasAhead)
        {
            Interlocked.Decrement(ref _framesAhead);
        }

        return wasAhead;
    }

    private bool RemoveHot(long frame)
    {
        bool wasHot = _hot.Remove(frame);
        if (wasHot)
        {
            Interlocked.Decrement(ref _hotFrames);
        }

        return wasHot;
    }

    /// <summary>Units of time since a moment that a word or a history names.</summary>
    private int Since(uint then) => (int)((Now - then) & TimeMask);

    private long HotFramesOf(long capacity) =>
        (long)(capacity - Math.Max(_window, MinWindowOf(capacity))) - Volatile.Read(ref _framesAhead);

    private static double MinWindowOf(long capacity) =>
        Math.Max(Math.Max(1, capacity * MinWindow), Math.Min(CorrelatedFaults, capacity * MinWindowOfFew));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref uint Word(long frame) => ref *(uint*)(_words + (frame * _stride));

    [InlineArray(CorrelatedFaults)]
    [StructLayout(LayoutKind.Sequential)]
    private struct RecentFrames
    {
        private long _first;
    }
}
