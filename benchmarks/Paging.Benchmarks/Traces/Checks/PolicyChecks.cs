namespace Paging.Benchmarks.Traces.Checks;

/// <summary>Runs policies over small traces: each against what holds for all, and those that have a slow but plain form against
/// that.</summary>
internal static class PolicyChecks
{
    private const int Pages = 60;
    private const int Accesses = 3_000;

    private static readonly int[] s_frames = [Policies.FewestFrames, 7, 20, Pages - 1, Pages, 2 * Pages];

    private static readonly (string Name, MakeReplacement Make)[] s_plain =
    [
        ("LRU", (frames, _) => new PlainLeastRecentlyUsed(frames)),
        ("CLOCK", (frames, _) => new PlainClock(frames)),
        ("SIEVE", (frames, _) => new PlainSieve(frames)),
        ("S3-FIFO", (frames, _) => new PlainS3Fifo(frames)),
        ("ARC", (frames, _) => new PlainAdaptiveReplacement(frames)),
        ("LIRS", (frames, _) => new PlainLirs(frames)),
    ];

    /// <exception cref="DataMismatchException">A policy is not what it should be: says which, and where.</exception>
    public static void Run(IReadOnlyList<(string Name, MakeReplacement Make)> policies, int seed)
    {
        foreach (Trace trace in SmallTraces(seed))
        {
            foreach (int frames in s_frames)
            {
                Check(policies, trace, frames);
            }
        }

        CheckOptimum(policies, seed);
    }

    private static IEnumerable<Trace> SmallTraces(int seed) =>
    [
        Trace.From("loop", GeneratedTraces.Loop(first: 0, Pages, Accesses / Pages)),
        Trace.From("epochs", GeneratedTraces.Epochs(Pages, Accesses / Pages, seed)),
        Trace.From("zipf", GeneratedTraces.Zipf(0, Pages, exponent: 1, Accesses, seed)),
        Trace.From("phases", GeneratedTraces.Zipf(0, Pages, 1, Accesses, seed).Concat(GeneratedTraces.Loop(Pages / 2, Pages, rounds: 20))),
    ];

    private static void Check(IReadOnlyList<(string Name, MakeReplacement Make)> policies, Trace trace, int frames)
    {
        int best = Replay("The optimum", new Belady(frames, trace), trace, frames).AsSpan().Count(true);
        foreach ((string name, MakeReplacement make) in policies)
        {
            bool[] hits = Replay(name, make(frames, trace), trace, frames);
            if (hits.AsSpan().Count(true) > best)
            {
                throw Wrong(name, trace, frames, "has more hits than the optimum");
            }

            foreach ((_, MakeReplacement plain) in s_plain.Where(plain => plain.Name == name))
            {
                bool[] expected = Replay($"Plain {name}", plain(frames, trace), trace, frames);
                int same = hits.AsSpan().CommonPrefixLength(expected);
                if (same < hits.Length)
                {
                    throw Wrong(name, trace, frames, $"differs from its plain form at access {same}");
                }
            }
        }
    }

    /// <summary>The hits, having looked after every access at which pages are resident.</summary>
    private static bool[] Replay(string name, IReplacement policy, Trace trace, int frames)
    {
        using IDisposable? disposable = policy as IDisposable;
        bool[] hits = new bool[trace.Accesses.Length];
        bool[] isResident = new bool[trace.DistinctPages];
        for (int i = 0; i < hits.Length; i++)
        {
            int page = trace.Accesses[i];
            hits[i] = policy.Access(page);
            if (hits[i] != isResident[page])
            {
                throw Wrong(name, trace, frames, $"calls access {i} a {(hits[i] ? "hit" : "miss")} that was none");
            }

            isResident[page] = true;
            for (int other = 0; other < isResident.Length; other++)
            {
                if (policy.IsResident(other) && !isResident[other])
                {
                    throw Wrong(name, trace, frames, $"has brought in another page at access {i}");
                }

                isResident[other] = policy.IsResident(other);
            }

            int resident = isResident.AsSpan().Count(true);
            if (!isResident[page] || resident > frames)
            {
                throw Wrong(name, trace, frames, $"holds {resident} pages after access {i}{(isResident[page] ? "" : ", and not its page")}");
            }
        }

        return hits;
    }

    /// <summary>Against the best of all ways to evict, over so few pages that all can be tried.</summary>
    private static void CheckOptimum(IReadOnlyList<(string Name, MakeReplacement Make)> policies, int seed)
    {
        const int FewPages = 9;
        const int FewAccesses = 200;
        const int Rounds = 20;
        foreach ((string name, MakeReplacement make) in policies.Where(policy => policy.Name == Policies.Optimum))
        {
            for (int round = 0; round < Rounds; round++)
            {
                Trace trace = Trace.From("few", GeneratedTraces.Zipf(0, FewPages, exponent: 0.5, FewAccesses, seed + round));
                int frames = Policies.FewestFrames + (round % 3);
                int hits = Replay(name, make(frames, trace), trace, frames).AsSpan().Count(true);
                int best = BestOfAll.Hits(trace, frames);
                if (hits != best)
                {
                    throw Wrong(name, trace, frames, $"has {hits} hits where {best} are possible");
                }
            }
        }
    }

    private static DataMismatchException Wrong(string name, Trace trace, int frames, string what) =>
        new($"{name} over {frames} frames, small trace {trace.Name}: {what}.");
}
