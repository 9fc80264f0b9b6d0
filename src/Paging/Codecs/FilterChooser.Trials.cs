using System.Runtime.CompilerServices;
using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>The trials. By the thread that has entered.</summary>
internal sealed unsafe partial class FilterChooser
{
    /// <summary>Encodes a page for storing, and tries another filter or several on it.</summary>
    /// <param name="goal">What makes one better than another.</param>
    /// <param name="page">The page.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">Receives at most <paramref name="limit"/> bytes.</param>
    /// <param name="limit">Above it the page is stored raw.</param>
    /// <param name="form">Codec in, filter out.</param>
    /// <returns>As <see cref="PageCodec.TryEncode"/>.</returns>
    internal int Encode(CompressionGoal goal, byte* page, int length, byte* target, int limit, ref StoredForm form)
    {
        if (!Volatile.Read(ref _isStarted) || goal != _goal)
        {
            Volatile.Write(ref _isStarted, true);
            _goal = goal;
            _settling = SettlingPages;
            _count = 0;
            Volatile.Write(ref _credit, Math.Max(_credit, (long)MostPages * length));
        }

        form = form with { Filter = Chosen };
        int encoded = PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, limit);
        Volatile.Write(ref _quiet, 0);
        int stored = StoredFor(length, encoded);
        if (stored < Trivial || stored * Telling < Volatile.Read(ref _usual))
        {
            // Whatever is done to such a page, the others make the sum.
            Note(length, encoded);
            return encoded;
        }

        int piece = PieceFor(length);
        byte* middle = page + InMiddle(length, piece);
        bool survey = IsSurveyDue(length, stored, HasNewLag(middle, piece));
        if (survey)
        {
            Survey(middle, piece, form);
        }

        Trial used = Measure(form, target, encoded, length);
        Trial kept = used;
        for (int i = survey ? Math.Min(Ranked, _count) : 1; i > 0 && _credit > 0; i--)
        {
            Filter challenger = NextChallenger(inTurn: survey);
            if (challenger == Chosen)
            {
                continue;
            }

            if (length > CodecScratch.BlockBytes)
            {
                ChallengeOnPiece(challenger, page + InMiddle(length, CodecScratch.BlockBytes), form);
                continue;
            }

            byte* other = _scratch!.Trial;
            StoredForm tried = form with { Filter = challenger };
            int again = Try(tried, page, length, other, Math.Min(limit, CodecScratch.TrialLength));
            Trial trial = Measure(tried, other, again, length);
            if (trial.IsBetterThan(kept, _goal, IsPlain(challenger), margin: 0))
            {
                if (again > 0)
                {
                    Unsafe.CopyBlockUnaligned(target, other, (uint)again);
                }

                encoded = again;
                form = tried;
                kept = trial;
            }

            if (TakesOver(challenger, trial, used))
            {
                used = trial;
            }
        }

        _settling = Math.Max(0, _settling - 1);
        Note(length, encoded);
        return encoded;
    }

    private static int PieceFor(int length) => length < 4 << 10 ? length : Math.Clamp(length / 4, 2 << 10, 16 << 10);

    /// <summary>The next of the ranked: in turn, and every other time the one that has come closest to the filter in use.</summary>
    /// <param name="inTurn">Whether each is to come, the filter in use too.</param>
    private Filter NextChallenger(bool inTurn)
    {
        int ranked = Math.Min(Ranked, _count);
        _challenges++;
        if (!inTurn && (_challenges & 1) == 0)
        {
            int closest = -1;
            for (int i = 0; i < ranked; i++)
            {
                if (_contenders[i].Filter != Chosen && (closest < 0 || _contenders[i].Behind(_goal) < _contenders[closest].Behind(_goal)))
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
        if (!inTurn && _contenders[_next].Filter == Chosen)
        {
            _next = (_next + 1) % ranked;
        }

        return _contenders[_next].Filter;
    }

    /// <summary>Ranks all candidates on a piece of a page.</summary>
    private void Survey(byte* piece, int length, StoredForm form)
    {
        Span<Filter> candidates = stackalloc Filter[Candidates.Most];
        int count = Candidates.Find(_elementBytes, _lag, Chosen, candidates);
        byte* trial = _scratch!.Trial;
        _contenders.AsSpan(0, _count).CopyTo(_before);
        _countBefore = _count;
        Trial plain = default;
        Filter bestPlain = Filter.None;
        for (int i = 0; i < count; i++)
        {
            StoredForm tried = form with { Filter = candidates[i] };
            int encoded = Try(tried, piece, length, trial, length - 1);
            Trial result = Measure(tried, trial, encoded, length);
            double score = result.Score(_goal);

            // In order of score, best first.
            int at = i;
            for (; at > 0 && score < _contenders[at - 1].Score; at--)
            {
                _contenders[at] = _contenders[at - 1];
            }

            _contenders[at] = new Contender { Filter = candidates[i], Score = score, OnPiece = result };
            Remember(ref _contenders[at]);
            if (IsPlain(candidates[i]) && (plain.Bytes == 0 || result.Bytes < plain.Bytes))
            {
                plain = result;
                bestPlain = candidates[i];
            }
        }

        _count = count;
        _challenges = 0;
        _next = 0;
        Promote(Filter.None, Ranked - 1);
        Promote(bestPlain, Ranked - 2);
    }

    /// <summary>What a candidate has shown before the survey counts half from now on.</summary>
    private void Remember(ref Contender contender)
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
    private void Promote(Filter filter, int last)
    {
        int from = 0;
        while (_contenders[from].Filter != filter)
        {
            from++;
        }

        Contender plain = _contenders[from];
        int to = Math.Min(from, last);
        while (to > 0 && plain.OnPiece.IsBetterThan(_contenders[to - 1].OnPiece, _goal, isPlain: true, margin: 0))
        {
            to--;
        }

        for (; from > to; from--)
        {
            _contenders[from] = _contenders[from - 1];
        }

        _contenders[to] = plain;
    }

    /// <summary>For pages too long to be encoded twice: both filters on a piece.</summary>
    private void ChallengeOnPiece(Filter challenger, byte* piece, StoredForm form)
    {
        const int Length = CodecScratch.BlockBytes;
        byte* other = _scratch!.Trial;
        StoredForm used = form with { Filter = Chosen };
        StoredForm tried = form with { Filter = challenger };
        Trial held = Measure(used, other, Try(used, piece, Length, other, Length - 1), Length);
        Trial trial = Measure(tried, other, Try(tried, piece, Length, other, Length - 1), Length);
        TakesOver(challenger, trial, held);
    }

    /// <summary>Lets a challenger take over that has won often enough, or clearly enough.</summary>
    /// <param name="challenger">Of those ranked.</param>
    /// <param name="trial">What it made of a page.</param>
    /// <param name="used">What the filter in use made of it.</param>
    private bool TakesOver(Filter challenger, Trial trial, Trial used)
    {
        for (int i = 0; i < _count; i++)
        {
            ref Contender contender = ref _contenders[i];
            if (contender.Filter != challenger)
            {
                continue;
            }

            contender.Add(trial, used);
            if (!contender.Own.IsBetterThan(contender.Other, _goal, IsPlain(challenger), MarginAfter(contender.Trials, challenger)))
            {
                return false;
            }

            // What one has shown against the other holds the other way round; of the rest nothing is known against the new one.
            Contender winner = contender;
            for (int j = 0; j < _count; j++)
            {
                _contenders[j].Forget();
                if (_contenders[j].Filter == Chosen)
                {
                    _contenders[j].LearnReversed(winner);
                }
            }

            Chosen = challenger;
            return true;
        }

        return false;
    }

    /// <summary>The fewer pages have shown it, the clearer it must be. Least is asked of no filter at all: where pages differ much, it is rarely far off.</summary>
    private static double MarginAfter(int trials, Filter challenger)
    {
        double margin = trials switch { 1 => 0.15, 2 => 0.08, 3 => 0.04, _ => 0.015 };
        return challenger.Kind == FilterKind.None ? margin / 4 : margin;
    }

    /// <summary>Where a piece of a page begins, at an element.</summary>
    private int InMiddle(int length, int piece) => (length - piece) / 2 / _elementBytes * _elementBytes;

    /// <summary>Whether a filter is one of the three that every such codec has. None of them may be passed over that is smaller.</summary>
    private bool IsPlain(Filter filter) =>
        filter.Kind == FilterKind.None || (filter.Kind is FilterKind.Shuffle or FilterKind.BitShuffle && filter.Stride == _stride);

    private int Try(StoredForm form, byte* page, int length, byte* target, int limit)
    {
        TriedBytes += length;
        Volatile.Write(ref _credit, _credit - length);
        return PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, limit);
    }

    /// <remarks>The fastest faults are those of raw pages, but a filter that saves nothing is not to win by that over one that does.</remarks>
    private Trial Measure(StoredForm form, byte* encoded, int encodedLength, int length) => encodedLength < 0
        ? new Trial(length, _goal == CompressionGoal.Speed ? DecodeCost.MostOfLz4(length) : DecodeCost.OfCopy(length))
        : new Trial(encodedLength, DecodeCost.Of(form, encoded, encodedLength, length));
}
