using Paging.Benchmarks.Traces.Checks;

namespace Paging.Benchmarks.Traces;

/// <summary>Replays traces of page numbers through replacement policies, and prints what share of the accesses were hits.</summary>
/// <remarks>Frames are empty at first, so that the first access to a page is a miss of every policy. Each policy is checked first, on small
/// traces (<see cref="PolicyChecks"/>).</remarks>
internal static class TracesWorkload
{
    /// <summary>Which frames a trace is run with, in percent of its pages.</summary>
    private static readonly int[] s_percents = [10, 30, 50];

    /// <summary>Traces with a number of frames of their own, the one that their figures are known for.</summary>
    private static readonly Dictionary<string, int> s_ownFrames = new() { ["corda-loop-corda"] = 512 };

    public static void Run(Options options, Harness harness, Report report)
    {
        if (options.WithForecast)
        {
            Forecast(options);
            return;
        }

        PolicyChecks.Run(Policies.All, options.Seed);
        IEnumerable<(string Name, MakeReplacement Make)> policies = options.WithArray ? [.. Policies.All, Policies.Array] : Policies.All;
        HitTable table = new([.. policies.Select(policy => policy.Name)], options.CsvPath);
        table.Begin();
        foreach (Trace trace in Traces(options))
        {
            foreach (int frames in FramesFor(trace, options.Frames))
            {
                table.Add(trace, frames, [.. policies.Select(policy => HitRatio(policy.Make(frames, trace), trace))]);
            }
        }

        table.End();
        GC.KeepAlive((harness, report)); // nothing here is timed, nor has it a bound
    }

    private static void Forecast(Options options)
    {
        ForecastTable table = new(options.WithRests);
        table.Begin();
        foreach (Trace trace in Traces(options))
        {
            foreach (int frames in FramesFor(trace, options.Frames))
            {
                table.Add(trace, frames);
            }
        }

        table.End();
    }

    private static IEnumerable<Trace> Traces(Options options) => options.HasPaths
        ? options.Groups.SelectMany(group => group.Files).Select(TraceFile.Read)
        : GeneratedTraces.All(options.Seed);

    private static IEnumerable<int> FramesFor(Trace trace, IReadOnlyList<int> asked) =>
        asked.Count > 0 ? asked
        : s_ownFrames.TryGetValue(trace.Name, out int own) ? [own]
        : s_percents.Select(percent => Math.Max((int)((long)trace.DistinctPages * percent / 100), Policies.FewestFrames)).Distinct();

    private static double HitRatio(IReplacement policy, Trace trace)
    {
        using IDisposable? disposable = policy as IDisposable;
        int hits = 0;
        foreach (int page in trace.Accesses)
        {
            hits += policy.Access(page) ? 1 : 0;
        }

        return (double)hits / trace.Accesses.Length;
    }
}
