using Paging.TestSeam;

namespace Paging.Codecs;

/// <summary>When a trial is due, and what pays for it. By any thread, loosely, but for what says otherwise.</summary>
internal sealed unsafe partial class FilterChooser
{
    /// <summary>Keeps account of a page that was encoded with the filter in use. By any thread, loosely.</summary>
    /// <param name="length">Of the page.</param>
    /// <param name="encoded">What it takes stored; −1 for all of it.</param>
    internal void Note(int length, int encoded)
    {
        TestHook.Reach(SharedWord.Counter);
        long most = (long)MostPages * length;
        int earned = length / EarnedShare;
        long savings = Volatile.Read(ref _savings);
        if (savings < SurveyCost(length))
        {
            // Some is put by, or challenges would leave nothing for a survey when the data changes.
            Volatile.Write(ref _savings, savings + (earned / SavedShare));
            earned -= earned / SavedShare;
        }

        long credit = Volatile.Read(ref _credit) + earned;
        if (credit >= most)
        {
            credit = most;
            Volatile.Write(ref _gap, ShortestGap);
        }

        Volatile.Write(ref _credit, credit);
        Volatile.Write(ref _sinceSurvey, Volatile.Read(ref _sinceSurvey) + 1);
        int stored = StoredFor(length, encoded);
        if (stored < Trivial != Volatile.Read(ref _wasTrivial))
        {
            Volatile.Write(ref _wasTrivial, stored < Trivial);
        }

        if (stored < Trivial)
        {
            return;
        }

        int usual = Volatile.Read(ref _usual);
        if (usual == 0)
        {
            Volatile.Write(ref _usual, Math.Max(1, stored));
            return;
        }

        int weight = 1;
        int difference = stored - usual;
        int spread = Volatile.Read(ref _spread);
        Volatile.Write(ref _spread, spread + ((Math.Abs(difference) - spread) / 8));
        if (Math.Abs(difference) > Math.Max(Math.Max(usual / StrangeShare, StrangeSpread * spread), Trivial))
        {
            Volatile.Write(ref _strange, Volatile.Read(ref _strange) + 1);
            weight = StrangeWeight;
        }

        Volatile.Write(ref _usual, Math.Max(1, usual + (difference / 8)));
        Volatile.Write(ref _quiet, Volatile.Read(ref _quiet) + weight);

        // The more is left, the sooner: half of the account is spent while it is most needed, and it never quite runs out.
        bool wantsChallenge = Volatile.Read(ref _settling) > 0 || Volatile.Read(ref _quiet) * credit >= PagesBetween * most;
        Volatile.Write(ref _isDue, credit > 0 && wantsChallenge);
    }

    /// <summary>Encodes a page without a filter if the one before took next to nothing: then this one most likely does too, and filters only get in
    /// the way. By any thread.</summary>
    /// <returns>−1 when it takes more: it is to be encoded as ever.</returns>
    internal int TryEncodeTrivial(StoredForm form, byte* page, int length, byte* target)
    {
        if (!Volatile.Read(ref _wasTrivial) || Volatile.Read(ref _credit) <= 0)
        {
            return -1;
        }

        int encoded = PageCodec.TryEncode(form, CompressionPolicy.StoreLevel, page, length, target, length * Trivial / UsualUnit);
        if (encoded < 0)
        {
            Volatile.Write(ref _wasTrivial, false);
            Volatile.Write(ref _credit, Volatile.Read(ref _credit) - (length / 4));
        }

        return encoded;
    }

    /// <summary>Whether records of another length have come: seen on two trials in a row.</summary>
    private bool HasNewLag(byte* piece, int length)
    {
        Volatile.Write(ref _credit, _credit - (Math.Min(length, Candidates.LookedAt) / 8));
        int lag = Candidates.BestLag(piece, length, _stride);
        bool again = lag == _seenLag && lag != _lag;
        _seenLag = lag;
        return again;
    }

    /// <summary>At the first page, when pages have become strange, and now and then.</summary>
    private bool IsSurveyDue(int length, int stored, bool hasNewLag)
    {
        bool wanted = Volatile.Read(ref _strange) >= StrangePages
            || _challenges >= ChallengesBetween
            || stored > Jump * _surveyed;
        wanted = (hasNewLag && _sinceSurvey >= _gap / 2) || (wanted && _sinceSurvey >= _gap);
        bool affordable = _credit + _savings >= SurveyCost(length);
        if (_count != 0 && !(wanted && affordable))
        {
            return false;
        }

        _lag = _seenLag;
        Volatile.Write(ref _credit, _credit + Interlocked.Exchange(ref _savings, 0));
        _gap = Math.Min(2 * _gap, LongestGap);
        Volatile.Write(ref _sinceSurvey, 0);
        Volatile.Write(ref _strange, 0);
        _surveyed = stored;
        return true;
    }

    /// <summary>Bytes that a survey encodes, and a challenge behind it.</summary>
    private long SurveyCost(int length) => ((long)Volatile.Read(ref _count) * PieceFor(length)) + length;

    private static int StoredFor(int length, int encoded) => (int)((long)(encoded < 0 ? length : encoded) * UsualUnit / length);
}
