using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Paging.Residency;

/// <summary>Finds out from the faults of an array in which steps its pages are read, and says which page is to be read ahead. It knows
/// numbers of pages and no pager.</summary>
/// <remarks>
/// A fault that continues none of the streams that are known begins a candidate. Faults that go on from a candidate in equal steps, forward
/// or backward, make a stream of it. Next to each other also counts what leaves out a few pages: those may be in frames.
///
/// How far a stream reads ahead is its distance, as in PostgreSQL's read_stream.c: doubled when the reader had to wait, one less for each
/// page that was in a frame already; and never more than the reader has come in the stream, so that a short run cannot cost more than
/// itself. A reader that has caught up leaves the next pages, a quarter of the distance (one set, where they come from files), to itself:
/// both bring pages in then, and not one while the other waits.
///
/// Streams that soon ended make it ask for longer runs, those that went on for shorter ones. So an order that looks like runs
/// and is none costs a few pages, not a share of all.
///
/// Not thread-safe. Allocates nothing once it is made.
/// </remarks>
/// <param name="pages">The pages of the array.</param>
/// <param name="limit">The largest distance, at most <see cref="MaxDistance"/>.</param>
/// <param name="slowBatch">As <see cref="Batch"/>, where a page takes a device's time.</param>
internal sealed class AccessStreams(long pages, int limit, int slowBatch = AccessStreams.Batch)
{
    /// <summary>Streams at once.</summary>
    internal const int MaxStreams = 6;

    /// <summary>A power of two.</summary>
    internal const int MaxDistance = 2048;

    /// <summary>The first distance of a stream that is known in advance.</summary>
    internal const int KnownDistance = 8;

    /// <summary>The run of faults that makes a stream, when none was made in vain lately; and the longest that is asked for.</summary>
    internal const int MinRun = 3;
    internal const int MaxRun = 24;

    /// <summary>Pages that are taken at a time, where a stream may be far enough ahead: so a thread that brings them in disturbs the reader
    /// once for all of them.</summary>
    internal const int Batch = 16;

    private const int Candidates = 8;

    /// <summary>Steps of at most so many pages may differ.</summary>
    private const int Jump = 4;

    /// <summary>How far beyond what was read ahead a fault may be, which pages in between are in frames; and the same while a stream is not
    /// proven, or in small arrays chance would follow it.</summary>
    private const int Reach = 16;
    private const int FirstReach = 2;

    /// <summary>Faults of the array after which a stream that was not seen to go on is over.</summary>
    private const int MaxAge = 1024;
    private const int MaxFirstAge = 32;

    /// <summary>Arrays with fewer pages are small.</summary>
    private const long FewPages = 256;

    private const long MaxStride = 1024;

    /// <summary>Steps that make a stream one that was rightly found.</summary>
    internal const int Proven = 8;

    private readonly StreamCandidate[] _candidates = new StreamCandidate[Candidates];
    private readonly AccessStream[] _streams = new AccessStream[MaxStreams];
    private readonly int _limit = Math.Clamp(limit, 1, MaxDistance);

    // Among few pages chance does more. There a stream has to go on sooner, and more exactly.
    private readonly int _jump = pages >= FewPages ? Jump : 1;
    private readonly long _reach = Math.Min(Reach, pages / (FewPages / 4));
    private readonly long _firstReach = Math.Min(FirstReach, pages / FewPages);
    private readonly long _maxAge = Math.Clamp(pages, MaxFirstAge, MaxAge);
    private readonly long _maxFirstAge = Math.Clamp(pages / 32, 4, MaxFirstAge);
    private PageAdvice _pattern;
    private long _loopFirst;
    private long _loopEnd;
    private long _before0 = long.MinValue / 4;
    private long _before1 = long.MinValue / 4;
    private long _before2 = long.MinValue / 4;
    private int _count;
    private int _nextCandidate;
    private int _nextStream;
    private uint _clock;

    /// <summary>Faults in a row that make a stream now.</summary>
    internal int NeededRun { get; private set; } = MinRun;

    /// <summary>Whether a page takes a device's time. Then a reader that has caught up leaves itself only pages that are being read: by itself
    /// it would read one at a time.</summary>
    internal bool IsSlow { get; set; }

    /// <summary>Steps that the readers of all streams have made, so far.</summary>
    internal long Steps { get; private set; }

    /// <summary>How many steps beyond their readers' places those streams have come together that have been seen to go on lately. Read
    /// without the streams' guard: a hint.</summary>
    internal int AheadOfAll
    {
        get
        {
            int ahead = 0;
            foreach (ref readonly AccessStream s in _streams.AsSpan())
            {
                ahead += s.Distance != 0 && _clock - s.Used <= MaxFirstAge ? s.Ahead : 0;
            }

            return ahead;
        }
    }

    private bool IsKnown => _pattern is PageAdvice.Sequential or PageAdvice.Loop;

    /// <summary>How the array is read, as far as that is known in advance. What was found so far is forgotten.</summary>
    /// <param name="pattern">One of the advices about patterns.</param>
    /// <param name="first">The first page of a loop.</param>
    /// <param name="end">One past its last page.</param>
    internal void SetPattern(PageAdvice pattern, long first, long end)
    {
        Debug.Assert(first >= 0 && end <= pages);
        _pattern = pattern;
        (_loopFirst, _loopEnd) = pattern == PageAdvice.Loop && end - first > 1 ? (first, end) : (0, 0);
        NeededRun = MinRun;
        for (int i = 0; i < MaxStreams; i++)
        {
            End(i);
        }

        Array.Clear(_candidates);
    }

    /// <summary>A page was not there when it was accessed, or was still on its way.</summary>
    /// <returns>Whether it is one of a stream, so that there may be pages to read ahead.</returns>
    internal bool OnFault(long page)
    {
        _clock++;
        if (_count != 0)
        {
            for (int i = 0; i < MaxStreams; i++)
            {
                ref AccessStream s = ref _streams[i];
                if (s.Distance == 0)
                {
                    continue;
                }

                if (_clock - s.Used > (s.IsProven ? _maxAge : _maxFirstAge))
                {
                    End(i);
                }
                else if (TryFollow(ref s, page))
                {
                    return true;
                }
            }
        }

        bool isFound = _pattern != PageAdvice.Random && TryFind(page);
        (_before2, _before1, _before0) = (_before1, _before0, page);
        return isFound;
    }

    /// <summary>Whether there is such a stream.</summary>
    internal bool IsStream(int stream) => _streams[stream].Distance != 0;

    /// <summary>How many steps beyond the reader's place the stream has come.</summary>
    internal int AheadOf(int stream) => _streams[stream].Ahead;

    /// <summary>How many that may be.</summary>
    internal int DistanceOf(int stream) => _streams[stream].Distance;

    /// <summary>Whether a stream may come so much further that it is worth a thread's while.</summary>
    internal bool HasRoom(int stream)
    {
        ref AccessStream s = ref _streams[stream];
        return s.Distance - s.Ahead >= Math.Clamp(s.Distance / 2, 1, IsSlow ? slowBatch : Batch);
    }

    /// <summary>Whether any stream may.</summary>
    internal bool HasRoom()
    {
        bool hasRoom = false;
        for (int i = 0; i < MaxStreams && !hasRoom; i++)
        {
            hasRoom = IsStream(i) && HasRoom(i);
        }

        return hasRoom;
    }

    /// <summary>The page so many steps beyond the reader's place.</summary>
    internal long PageAt(int stream, int steps)
    {
        ref AccessStream s = ref _streams[stream];
        long page = s.Last + (steps * s.Stride);
        if (_loopEnd != 0 && s.Last >= _loopFirst && s.Last < _loopEnd && Math.Abs(s.Stride) == 1)
        {
            long length = _loopEnd - _loopFirst;
            page = _loopFirst + ((((page - _loopFirst) % length) + length) % length);
        }

        return page;
    }

    /// <summary>Whether the page so many steps beyond the reader's place was brought in by the stream, as far as is known.</summary>
    internal bool IsBroughtIn(int stream, int steps)
    {
        ref AccessStream s = ref _streams[stream];
        return s.Marks[s.Passed + steps];
    }

    /// <summary>The reader was seen so many steps further, at a page that the stream has brought in.</summary>
    internal void OnUsed(int stream, int steps)
    {
        ref AccessStream s = ref _streams[stream];
        Debug.Assert(steps > 0 && steps <= s.Ahead);
        Advance(ref s, PageAt(stream, steps), steps);
        s.Ahead -= steps;
    }

    /// <summary>Takes the next page of a stream that is to be read ahead. The caller says by <see cref="OnBroughtIn"/> what became of
    /// it; until then it is not taken for one by which the reader's place can be seen.</summary>
    internal bool TryTake(int stream, out StreamPage taken)
    {
        ref AccessStream s = ref _streams[stream];
        taken = default;
        if (s.Ahead >= s.Distance)
        {
            return false;
        }

        long page = PageAt(stream, s.Ahead + 1);
        if (page < 0 || page >= pages || (_loopEnd != 0 && s.Ahead + 1 >= _loopEnd - _loopFirst))
        {
            return false;
        }

        s.Ahead++;
        s.HasTaken = true;
        long place = s.Passed + s.Ahead;
        s.Marks[place] = false;
        taken = new StreamPage(page, stream, s.Number, place);
        return true;
    }

    /// <summary>Whether a page that was taken is to be left to the reader, who has come close meanwhile. Read without the streams' guard: a
    /// hint.</summary>
    internal bool IsLeft(in StreamPage taken)
    {
        ref AccessStream s = ref _streams[taken.Stream];
        return Volatile.Read(ref s.Own) >= taken.Place && s.Number == taken.Number;
    }

    /// <summary>Whether the reader has been seen at a page that was taken, or beyond it, or the stream is over. As
    /// <see cref="IsLeft"/>.</summary>
    internal bool IsPassed(in StreamPage taken)
    {
        ref AccessStream s = ref _streams[taken.Stream];
        return Volatile.Read(ref s.Passed) >= taken.Place || s.Number != taken.Number;
    }

    /// <summary>What became of a page that was taken. Nothing happens if the stream is another one by now.</summary>
    /// <param name="taken">What <see cref="TryTake"/> gave.</param>
    /// <param name="isFilled">Whether the page is in a frame because of it.</param>
    /// <param name="isHit">Whether it was in a frame before.</param>
    internal void OnBroughtIn(in StreamPage taken, bool isFilled, bool isHit)
    {
        ref AccessStream s = ref _streams[taken.Stream];
        if (s.Number != taken.Number || s.Distance == 0)
        {
            return;
        }

        if (isFilled && taken.Place > s.Passed && taken.Place <= s.Passed + s.Ahead)
        {
            s.Marks[taken.Place] = true;
        }

        if (isHit)
        {
            s.Distance = Math.Max(1, s.Distance - 1);
        }
    }

    /// <summary>There is no room for what a stream reads ahead.</summary>
    internal void Stop(in StreamPage taken)
    {
        if (_streams[taken.Stream].Number == taken.Number)
        {
            End(taken.Stream);
        }
    }

    private bool TryFollow(ref AccessStream s, long page)
    {
        long steps = page - s.Last;
        if (steps == 0)
        {
            return true;
        }

        if (Math.Abs(s.Stride) == 1)
        {
            steps *= s.Stride;
            bool isLoop = _loopEnd != 0 && page >= _loopFirst && page < _loopEnd && s.Last >= _loopFirst && s.Last < _loopEnd;
            steps += steps < 0 && isLoop ? _loopEnd - _loopFirst : 0;
        }
        else
        {
            (steps, long rest) = Math.DivRem(steps, s.Stride);
            steps = rest == 0 ? steps : -1;
        }

        if (steps <= 0 || steps > s.Ahead + (s.IsProven ? _reach : _firstReach))
        {
            return false;
        }

        Advance(ref s, page, (int)steps);
        s.Ahead = Math.Max(0, s.Ahead - (int)steps);
        s.Distance = (int)Math.Min(Math.Min(s.Distance * 2L, _limit), Math.Max(s.Passed, s.First));

        if (s.Passed > s.Own)
        {
            // The reader is as far as we are: it brings in the next pages by itself, while those behind them are read ahead.
            int own = !IsSlow ? s.Distance / 4 : Math.Min(Math.Min(s.Distance / 4, s.Ahead), slowBatch);
            Volatile.Write(ref s.Own, s.Passed + own);
            for (; s.Ahead < own; s.Ahead++)
            {
                s.Marks[s.Passed + s.Ahead + 1] = false;
            }
        }

        return true;
    }

    private void Advance(ref AccessStream s, long page, int steps)
    {
        bool wasProven = s.IsProven;
        s.Last = page;
        s.Passed += steps;
        Steps += steps;
        s.Used = _clock;
        if (!wasProven && s.IsProven)
        {
            NeededRun = Math.Max(MinRun, NeededRun - 1);
        }
    }

    private bool TryFind(long page)
    {
        for (int i = 0; i < Candidates; i++)
        {
            ref StreamCandidate c = ref _candidates[i];
            if (c.Run == 0 || _clock - c.Seen > Candidates || (ulong)(page - c.Last + MaxStride) > 2 * MaxStride || !TryExtend(ref c, page))
            {
                continue;
            }

            long stride = Math.Abs(c.Stride);
            int needed = IsKnown ? 2 : stride == 1 ? NeededRun : stride <= Jump ? NeededRun + 1 : NeededRun + 2;
            if (c.Run < needed)
            {
                return false;
            }

            Begin(c.Last, c.Stride, c.Run, IsKnown ? KnownDistance : 1);
            c.Run = 0;
            return true;
        }

        _candidates[_nextCandidate] = new StreamCandidate
        {
            Last = page,
            Run = 1,
            Seen = _clock,
            Before0 = _before0,
            Before1 = _before1,
            Before2 = _before2,
        };
        _nextCandidate = (_nextCandidate + 1) % Candidates;
        if (IsKnown)
        {
            // Forward, unless the next one says otherwise.
            Begin(page, 1, 1, KnownDistance);
        }

        return IsKnown;
    }

    private bool TryExtend(ref StreamCandidate c, long page)
    {
        long step = page - c.Last;
        bool isShort = Math.Abs(step) <= _jump;
        if (step == 0)
        {
            return true;
        }

        if (c.Run == 1)
        {
            long before = c.Last - step;
            bool isThird = before == c.Before0 || before == c.Before1 || before == c.Before2;
            if (!isShort && !isThird)
            {
                return false;
            }

            c.Stride = step;
            c.Run = isThird ? 3 : 2;
        }
        else if (step == c.Stride)
        {
            c.Run++;
        }
        else if (isShort && Math.Abs(c.Stride) <= _jump && Math.Sign(step) == Math.Sign(c.Stride))
        {
            c.Stride = Math.Sign(step);
            c.Run++;
        }
        else
        {
            return false;
        }

        c.Last = page;
        c.Seen = _clock;
        return true;
    }

    private void Begin(long last, long stride, int run, int distance)
    {
        int at = -1;
        for (int i = 0; i < MaxStreams; i++)
        {
            if (_streams[i].Distance == 0)
            {
                at = i;
                break;
            }

            if (at < 0 || _clock - _streams[i].Used > _clock - _streams[at].Used)
            {
                at = i;
            }
        }

        End(at);
        int first = Math.Min(distance, _limit);
        _count++;
        _streams[at] = new AccessStream
        {
            Last = last,
            Stride = stride,
            Distance = first,
            First = first,
            Passed = run,
            Begin = run,
            Used = _clock,
            Number = ++_nextStream,
        };
    }

    private void End(int stream)
    {
        ref AccessStream s = ref _streams[stream];
        if (s.Distance == 0)
        {
            return;
        }

        if (s.HasTaken && !s.IsProven)
        {
            NeededRun = Math.Min(MaxRun, NeededRun + 1);
        }

        _count--;
        s.Distance = 0;
        s.Ahead = 0;
    }
}
