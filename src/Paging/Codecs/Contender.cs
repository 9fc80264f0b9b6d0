using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>What a filter has shown against the one in use.</summary>
internal struct Contender
{
    /// <summary>Sums are halved at so many trials, so that old pages are forgotten.</summary>
    private const int MostTrials = 12;

    /// <summary>No filter at all is looked at the more often: where pages differ much, it is the one to come back to.</summary>
    private const double NoneAhead = 0.1;

    internal Filter Filter;
    internal double Score;
    internal Trial OnPiece;
    internal Trial Own;
    internal Trial Other;
    internal int Trials;

    internal void Add(Trial own, Trial other)
    {
        if (Trials == MostTrials)
        {
            Own = Own.Half();
            Other = Other.Half();
            Trials /= 2;
        }

        Own = Own.Plus(own);
        Other = Other.Plus(other);
        Trials++;
    }

    /// <summary>How much worse it has been so far; 0 when nothing is known.</summary>
    internal readonly double Behind(CompressionGoal goal) =>
        (Trials == 0 ? 0 : Own.Score(goal) - Other.Score(goal)) - (Filter.Kind == FilterKind.None ? NoneAhead : 0);

    internal void Learn(Contender before)
    {
        Own = before.Own.Half();
        Other = before.Other.Half();
        Trials = (before.Trials + 1) / 2;
    }

    internal void LearnReversed(Contender winner)
    {
        Own = winner.Other;
        Other = winner.Own;
        Trials = winner.Trials;
    }

    internal void Forget()
    {
        Own = default;
        Other = default;
        Trials = 0;
    }
}
