namespace Paging.Codecs;

/// <summary>The result of encoding a page, or several, in one way.</summary>
/// <param name="Bytes">Stored.</param>
/// <param name="DecodeNanoseconds">Estimated.</param>
internal readonly record struct Trial(double Bytes, double DecodeNanoseconds)
{
    /// <summary>How much larger than the smallest the stored bytes may be for the sake of faster faults: a hundredth.</summary>
    private const double MaxLarger = 1.01;

    internal Trial Plus(Trial other) => new(Bytes + other.Bytes, DecodeNanoseconds + other.DecodeNanoseconds);

    internal Trial Half() => new(Bytes / 2, DecodeNanoseconds / 2);

    /// <summary>Less is better: the natural logarithm of bytes × time^x, where the goal sets x.</summary>
    internal double Score(CompressionGoal goal) =>
        Math.Log(Math.Max(1, Bytes)) + (WorthOfTime(goal) * Math.Log(Math.Max(1, DecodeNanoseconds)));

    /// <summary>Whether this way of encoding is to be preferred.</summary>
    /// <param name="other">What it is compared to.</param>
    /// <param name="goal">What counts.</param>
    /// <param name="isPlain">Whether this is one of the filters that every codec of this kind has: then fewer bytes are enough, unless the
    /// goal is speed.</param>
    /// <param name="margin">By what share it must be better.</param>
    internal bool IsBetterThan(Trial other, CompressionGoal goal, bool isPlain, double margin) =>
        (Score(goal) < other.Score(goal) - margin && (goal == CompressionGoal.Speed || Bytes <= other.Bytes * MaxLarger))
        || (isPlain && goal != CompressionGoal.Speed && Bytes * (MaxLarger + margin) < other.Bytes);

    /// <summary>For this goal a fault of twice the time must save 2^x of the bytes.</summary>
    private static double WorthOfTime(CompressionGoal goal) => goal switch
    {
        CompressionGoal.Speed => 0.4,
        CompressionGoal.Balanced => 0.15,
        _ => 0.05,
    };
}
