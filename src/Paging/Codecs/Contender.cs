using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>A candidate, and what it has shown against the filter in use.</summary>
internal struct Contender
{
    /// <summary>After this many trials the sums are halved, so that old pages are forgotten.</summary>
    private const int MaxTrials = 12;

    /// <summary>"No filter" is tried more often than its results alone ask for: where pages differ much, it is the one to come back
    /// to.</summary>
    private const double NoneAhead = 0.1;

    internal Filter Filter;

    /// <summary>By which the last survey ranked it.</summary>
    internal double Score;

    /// <summary>What it made of the piece that was surveyed.</summary>
    internal Trial OnPiece;

    /// <summary>The sum of its trials against the filter in use.</summary>
    internal Trial Own;

    /// <summary>What the filter in use made of the same pages.</summary>
    internal Trial Other;

    /// <summary>How many trials the sums are of.</summary>
    internal int Trials;

    /// <summary>Adds one trial of both filters on the same page.</summary>
    internal void Add(Trial own, Trial other)
    {
        if (Trials == MaxTrials)
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

    /// <summary>Takes over half of what it had shown before a survey.</summary>
    internal void Learn(Contender before)
    {
        Own = before.Own.Half();
        Other = before.Other.Half();
        Trials = (before.Trials + 1) / 2;
    }

    /// <summary>Takes over what the new filter in use has shown against this one, the other way round.</summary>
    internal void LearnReversed(Contender winner)
    {
        Own = winner.Other;
        Other = winner.Own;
        Trials = winner.Trials;
    }

    /// <summary>Forgets the trials: they were against another filter.</summary>
    internal void Forget()
    {
        Own = default;
        Other = default;
        Trials = 0;
    }
}
