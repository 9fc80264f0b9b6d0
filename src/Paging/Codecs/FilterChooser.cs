using System.Runtime.CompilerServices;
using Paging.Codecs.Filters;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>Finds the filter that suits an owner's pages, by trying, and goes on trying as they change.</summary>
/// <remarks>
/// There are two kinds of trial, both on pages that are about to be stored. A survey encodes a piece of the page behind every candidate and
/// ranks the candidates: at the first page, when pages suddenly shrink more or less than they used to, and now and then. A challenge
/// encodes a whole page behind one of the best ranked, beside the filter in use. The shorter of the two encodings is stored, and a
/// challenger that keeps winning takes over. <see cref="TrialPace"/> says when to try, <see cref="Ranking"/> which filter is next and which
/// has won.
///
/// One thread at a time tries, the one that has entered (<see cref="TryEnter"/>); the others do not wait for it. They share
/// <see cref="Note"/>, <see cref="TryEncodeTrivial"/>, <see cref="IsDue"/> and <see cref="Current"/>, without a lock.
/// </remarks>
internal sealed unsafe class FilterChooser
{
    private readonly int _elementBytes;
    private readonly int _stride;
    private readonly bool _isPortable;

    /// <summary>Changed in place: not readonly, although never assigned again.</summary>
    private TrialPace _pace = new();
    private Ranking _ranking;
    private int _busy;

    /// <summary>The scratch of the thread that has entered.</summary>
    private CodecScratch? _scratch;

    /// <summary>The filter in use, packed as in a stored form. Written by the thread that has entered, read by all.</summary>
    private uint _published = CompressionPolicy.Pack(Filter.None);

    /// <summary>The record length that the last survey went by.</summary>
    private int _lag;

    /// <summary>The record length that the last trial found.</summary>
    private int _seenLag;
    private CompressionGoal _goal;

    /// <param name="elementBytes">The length of an element.</param>
    /// <param name="isPortable">Whether only filters are tried that blosc has as well.</param>
    internal FilterChooser(int elementBytes, bool isPortable = false)
    {
        _isPortable = isPortable;
        _elementBytes = elementBytes;
        _stride = ElementShape.StrideFor(elementBytes);
        _ranking = new Ranking(_stride);
    }

    /// <summary>The filter in use, for the thread that has entered.</summary>
    internal Filter Chosen { get; private set; } = Filter.None;

    /// <summary>The filter in use as of the last <see cref="Exit"/>, for every thread.</summary>
    internal Filter Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => StoredForm.Unpack(Shared.Read(SharedWord.Counter, ref _published)).Filter;
    }

    /// <summary>A chooser of its own for an owner that has shared this one so far. It begins with what this one has chosen.</summary>
    internal FilterChooser Successor()
    {
        Filter current = Current;
        return new FilterChooser(_elementBytes, _isPortable) { Chosen = current, _published = CompressionPolicy.Pack(current) };
    }

    /// <summary>Bytes encoded for trial. For tests and benchmarks, when no thread is at work.</summary>
    internal long TriedBytes { get; private set; }

    /// <summary>Whether a trial is called for and can be paid for.</summary>
    internal bool IsDue
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            return _pace.IsDue;
        }
    }

    /// <summary>0 → 1: races with other threads that store pages of the same owner. Acquires what the thread before has written.</summary>
    internal bool TryEnter()
    {
        if (Shared.Read(SharedWord.Counter, ref _busy) != 0 || CodecScratch.Enter() is not { } scratch)
        {
            return false;
        }

        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            CodecScratch.Exit();
            return false;
        }

        _scratch = scratch;
        return true;
    }

    internal void Exit()
    {
        TestHook.Reach(SharedWord.Counter);
        _scratch = null;
        CodecScratch.Exit();
        Volatile.Write(ref _published, CompressionPolicy.Pack(Chosen));
        Shared.Write(SharedWord.Counter, ref _busy, 0);
    }

    /// <summary>Keeps account of a page that was encoded with the filter in use. By any thread.</summary>
    /// <param name="length">Of the page.</param>
    /// <param name="encoded">What it takes stored; −1 for all of it.</param>
    internal void Note(int length, int encoded)
    {
        TestHook.Reach(SharedWord.Counter);
        _pace.Note(length, encoded, _ranking.Count);
    }

    /// <summary>Encodes a page without a filter if the page before took next to nothing: then this one most likely does too, and a filter
    /// would only make it longer. By any thread.</summary>
    /// <returns>−1 when it takes more: then it is to be encoded as usual.</returns>
    internal int TryEncodeTrivial(StoredForm form, byte* page, int length, byte* target)
    {
        if (!_pace.ExpectsTrivial)
        {
            return -1;
        }

        int encoded = PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, TrialPace.TrivialLength(length));
        if (encoded < 0)
        {
            _pace.NoteNotTrivial(length);
        }

        return encoded;
    }

    /// <summary>Encodes a page for storing, and tries another filter or several on it. By the thread that has entered.</summary>
    /// <param name="goal">What makes one filter better than another.</param>
    /// <param name="page">The page.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">Receives at most <paramref name="limit"/> bytes.</param>
    /// <param name="limit">Above it the page is stored raw.</param>
    /// <param name="form">Codec in, filter out.</param>
    /// <returns>As <see cref="PageCodec.TryEncode"/>.</returns>
    internal int Encode(CompressionGoal goal, byte* page, int length, byte* target, int limit, ref StoredForm form)
    {
        if (!_pace.IsStarted || goal != _goal)
        {
            _goal = goal;
            _ranking.Clear();
            _pace.Start(length);
        }

        form = form with { Filter = Chosen };
        int encoded = PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, limit);
        _pace.NoteTrial();
        int stored = TrialPace.StoredFor(length, encoded);
        if (!_pace.IsTelling(stored))
        {
            Note(length, encoded);
            return encoded;
        }

        int piece = TrialPace.PieceFor(length);
        byte* middle = page + InMiddle(length, piece);
        bool survey = _pace.TryBeginSurvey(length, stored, HasNewLag(middle, piece), _ranking.Count, _ranking.Challenges);
        if (survey)
        {
            _lag = _seenLag;
            Survey(middle, piece, form);
        }

        Trial used = Measure(form, target, encoded, length);
        Trial kept = used;
        for (int i = survey ? Math.Min(Ranking.Ranked, _ranking.Count) : 1; i > 0 && _pace.CanPay; i--)
        {
            Filter challenger = _ranking.NextChallenger(Chosen, _goal, inTurn: survey);
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
            if (trial.IsBetterThan(kept, _goal, _ranking.IsPlain(challenger), margin: 0))
            {
                if (again > 0)
                {
                    Unsafe.CopyBlockUnaligned(target, other, (uint)again);
                }

                encoded = again;
                form = tried;
                kept = trial;
            }

            if (TryTakeOver(challenger, trial, used))
            {
                used = trial;
            }
        }

        _pace.NoteChallenged();
        Note(length, encoded);
        return encoded;
    }

    /// <summary>Ranks all candidates on a piece of a page.</summary>
    private void Survey(byte* piece, int length, StoredForm form)
    {
        Span<Filter> candidates = stackalloc Filter[Candidates.Max];
        int count = Candidates.Find(_elementBytes, _lag, Chosen, candidates);
        if (_isPortable)
        {
            count = Candidates.KeepPortable(candidates[..count]);
        }

        byte* trial = _scratch!.Trial;
        Trial plain = default;
        Filter bestPlain = Filter.None;
        _ranking.BeginSurvey();
        for (int i = 0; i < count; i++)
        {
            StoredForm tried = form with { Filter = candidates[i] };
            int encoded = Try(tried, piece, length, trial, length - 1);
            Trial result = Measure(tried, trial, encoded, length);
            _ranking.Insert(candidates[i], result, _goal, i);
            if (_ranking.IsPlain(candidates[i]) && (plain.Bytes == 0 || result.Bytes < plain.Bytes))
            {
                plain = result;
                bestPlain = candidates[i];
            }
        }

        _ranking.EndSurvey(count, bestPlain, _goal);
    }

    /// <summary>For pages too long to be encoded twice: encodes a piece of the page behind both filters.</summary>
    private void ChallengeOnPiece(Filter challenger, byte* piece, StoredForm form)
    {
        const int Length = CodecScratch.BlockBytes;
        byte* other = _scratch!.Trial;
        StoredForm used = form with { Filter = Chosen };
        StoredForm tried = form with { Filter = challenger };
        Trial held = Measure(used, other, Try(used, piece, Length, other, Length - 1), Length);
        Trial trial = Measure(tried, other, Try(tried, piece, Length, other, Length - 1), Length);
        TryTakeOver(challenger, trial, held);
    }

    private bool TryTakeOver(Filter challenger, Trial trial, Trial used)
    {
        bool takesOver = _ranking.TakesOver(challenger, trial, Chosen, used, _goal);
        if (takesOver)
        {
            Chosen = challenger;
        }

        return takesOver;
    }

    /// <summary>Whether records of another length have come: two trials in a row must have found it.</summary>
    private bool HasNewLag(byte* piece, int length)
    {
        _pace.Spend(Math.Min(length, Candidates.LookedAt) / 8);
        int lag = Candidates.BestLag(piece, length, _stride);
        bool again = lag == _seenLag && lag != _lag;
        _seenLag = lag;
        return again;
    }

    /// <summary>Where a piece in the middle of a page begins, at the start of an element.</summary>
    private int InMiddle(int length, int piece) => (length - piece) / 2 / _elementBytes * _elementBytes;

    private int Try(StoredForm form, byte* page, int length, byte* target, int limit)
    {
        TriedBytes += length;
        _pace.Spend(length);
        return PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, limit);
    }

    /// <remarks>The fastest faults are those of raw pages. But a filter that saves nothing is not to win by that over one that does: under
    /// the goal Speed, a raw page is taken to decode as slowly as the slowest.</remarks>
    private Trial Measure(StoredForm form, byte* encoded, int encodedLength, int length) => encodedLength < 0
        ? new Trial(length, _goal == CompressionGoal.Speed ? DecodeCost.MaxOfLz4(length) : DecodeCost.OfCopy(length))
        : new Trial(encodedLength, DecodeCost.Of(form, encoded, encodedLength, length));
}
