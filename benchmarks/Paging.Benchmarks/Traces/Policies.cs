namespace Paging.Benchmarks.Traces;

/// <summary>Makes a policy for a number of frames. All may know how many distinct pages the trace has; only the optimum looks into
/// it.</summary>
internal delegate IReplacement MakeReplacement(int frames, Trace trace);

/// <summary>The policies of the table, a column each, in this order. One more is a line more.</summary>
internal static class Policies
{
    /// <summary>What every policy can run with.</summary>
    public const int FewestFrames = 4;

    public const string Optimum = "OPT";

    public static (string Name, MakeReplacement Make)[] All { get; } =
    [
        ("LRU", (frames, trace) => new LeastRecentlyUsed(frames, trace.DistinctPages)),
        ("CLOCK", (frames, trace) => new Clock(frames, trace.DistinctPages)),
        ("SIEVE", (frames, trace) => new Sieve(frames, trace.DistinctPages)),
        ("S3-FIFO", (frames, trace) => new S3Fifo(frames, trace.DistinctPages)),
        ("ARC", (frames, trace) => new AdaptiveReplacement(frames, trace.DistinctPages)),
        ("LIRS", (frames, trace) => new Lirs(frames, trace.DistinctPages)),
        ("TinyLFU-1%", (frames, trace) => new WindowTinyLfu(frames, trace.DistinctPages, isAdaptive: false)),
        ("W-TinyLFU", (frames, trace) => new WindowTinyLfu(frames, trace.DistinctPages, isAdaptive: true)),
        ("Paging", (frames, trace) => new PagersOwn(frames, trace.DistinctPages)),
        (Optimum, (frames, trace) => new Belady(frames, trace)),
    ];

    /// <summary>The pager itself, which takes some microseconds an access.</summary>
    public static (string Name, MakeReplacement Make) Array { get; } = ("array", (frames, trace) => new ArrayReplay(frames, trace.DistinctPages));
}
