using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>The candidates of a <see cref="FilterChooser"/>, ranked by the last survey, with what each has shown since then against the
/// filter in use.</summary>
/// <remarks>Used by the thread that has entered the chooser, except for <see cref="Count"/>.</remarks>
/// <param name="stride">Of the owner's elements.</param>
internal struct Ranking(int stride)
{
    /// <summary>The best ranked, which are challengers in turn.</summary>
    internal const int Ranked = 4;

    private readonly Contender[] _contenders = new Contender[Candidates.Max];
    private readonly Contender[] _before = new Contender[Candidates.Max];
    private int _count;
    private int _countBefore;
    private int _next;

    /// <summary>How many candidates the last survey tried; 0 before the first. Any thread may read it.</summary>
    internal readonly int Count => Volatile.Read(in _count);

    /// <summary>How many challenges there have been since the last survey.</summary>
    internal int Challenges { get; private set; }

    /// <summary>Forgets everything: the next page is surveyed.</summary>
    internal void Clear() => _count = 0;

    /// <summary>Before the first <see cref="Insert"/> of a survey: keeps what the candidates have shown so far.</summary>
    internal void BeginSurvey()
    {
        _contenders.AsSpan(0, _count).CopyTo(_before);
        _countBefore = _count;
    }

    /// <summary>Puts a candidate in its place by score, the best first.</summary>
    /// <param name="filter">The candidate.</param>
    /// <param name="result">What it made of the piece that is surveyed.</param>
    /// <param name="goal">What counts.</param>
    /// <param name="count">How many this survey has inserted so far.</param>
    internal readonly void Insert(Filter filter, Trial result, CompressionGoal goal, int count)
    {
        double score = result.Score(goal);
        int at = count;
        for (; at > 0 && score < _contenders[at - 1].Score; at--)
        {
            _contenders[at] = _contenders[at - 1];
        }

        _contenders[at] = new Contender { Filter = filter, Score = score, OnPiece = result };
        Remember(ref _contenders[at]);
    }

    /// <summary>After the last <see cref="Insert"/>.</summary>
    /// <param name="count">How many there were.</param>
    /// <param name="bestPlain">The plain filter that made the least of the piece.</param>
    /// <param name="goal">What counts.</param>
    internal void EndSurvey(int count, Filter bestPlain, CompressionGoal goal)
    {
        _count = count;
        Challenges = 0;
        _next = 0;
        Promote(Filter.None, Ranked - 1, goal);
        Promote(bestPlain, Ranked - 2, goal);
    }

    /// <summary>The next challenger of the best ranked: in turn, and every other time the one that has come closest to the filter in
    /// use.</summary>
    /// <param name="chosen">The filter in use.</param>
    /// <param name="goal">What counts.</param>
    /// <param name="inTurn">Whether each is to come, the filter in use too.</param>
    internal Filter NextChallenger(Filter chosen, CompressionGoal goal, bool inTurn)
    {
        int ranked = Math.Min(Ranked, _count);
        Challenges++;
        if (!inTurn && (Challenges & 1) == 0)
        {
            int closest = -1;
            for (int i = 0; i < ranked; i++)
            {
                if (_contenders[i].Filter != chosen && (closest < 0 || _contenders[i].Behind(goal) < _contenders[closest].Behind(goal)))
                {
                    closest = i;
                }
            }

            if (closest >= 0)
            {
                return _contenders[closest].Filter;
            }
        }

        _next = (_next + 1) % ranked;
        if (!inTurn && _contenders[_next].Filter == chosen)
        {
            _next = (_next + 1) % ranked;
        }

        return _contenders[_next].Filter;
    }

    /// <summary>Adds what a challenger and the filter in use made of the same page, and says whether the challenger is to take over: it
    /// must have won often enough, or clearly enough.</summary>
    /// <param name="challenger">One of those ranked.</param>
    /// <param name="trial">What it made of the page.</param>
    /// <param name="chosen">The filter in use.</param>
    /// <param name="used">What the filter in use made of it.</param>
    /// <param name="goal">What counts.</param>
    internal readonly bool TakesOver(Filter challenger, Trial trial, Filter chosen, Trial used, CompressionGoal goal)
    {
        for (int i = 0; i < _count; i++)
        {
            ref Contender contender = ref _contenders[i];
            if (contender.Filter != challenger)
            {
                continue;
            }

            contender.Add(trial, used);
            if (!contender.Own.IsBetterThan(contender.Other, goal, IsPlain(challenger), MarginAfter(contender.Trials, challenger)))
            {
                return false;
            }

            // What the winner has shown against the loser holds the other way round. Of the rest, nothing is known against the winner.
            Contender winner = contender;
            for (int j = 0; j < _count; j++)
            {
                _contenders[j].Forget();
                if (_contenders[j].Filter == chosen)
                {
                    _contenders[j].LearnReversed(winner);
                }
            }

            return true;
        }

        return false;
    }

    /// <summary>Whether a filter is one of the three that every codec of this kind has: none, and the shuffles of whole elements. If one of
    /// them encodes a page shorter, it may not be passed over.</summary>
    internal readonly bool IsPlain(Filter filter) =>
        filter.Kind == FilterKind.None || (filter.Kind is FilterKind.Shuffle or FilterKind.BitShuffle && filter.Stride == stride);

    /// <summary>What a candidate has shown before the survey counts half from now on.</summary>
    private readonly void Remember(ref Contender contender)
    {
        for (int i = 0; i < _countBefore; i++)
        {
            if (_before[i].Filter == contender.Filter)
            {
                contender.Learn(_before[i]);
            }
        }
    }

    /// <summary>Puts a plain filter in front of those that score better for their speed alone, and among the ranked in any case.</summary>
    /// <param name="filter">One of the candidates.</param>
    /// <param name="last">The last place that it may have.</param>
    /// <param name="goal">What counts.</param>
    private readonly void Promote(Filter filter, int last, CompressionGoal goal)
    {
        int from = 0;
        while (_contenders[from].Filter != filter)
        {
            from++;
        }

        Contender plain = _contenders[from];
        int to = Math.Min(from, last);
        while (to > 0 && plain.OnPiece.IsBetterThan(_contenders[to - 1].OnPiece, goal, isPlain: true, margin: 0))
        {
            to--;
        }

        for (; from > to; from--)
        {
            _contenders[from] = _contenders[from - 1];
        }

        _contenders[to] = plain;
    }

    /// <summary>The fewer pages have shown that a filter is better, the clearer it must be. "No filter" needs the smallest margin: where
    /// pages differ much, it is rarely far off.</summary>
    private static double MarginAfter(int trials, Filter challenger)
    {
        double margin = trials switch { 1 => 0.15, 2 => 0.08, 3 => 0.04, _ => 0.015 };
        return challenger.Kind == FilterKind.None ? margin / 4 : margin;
    }
}
