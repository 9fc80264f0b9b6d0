using System.Globalization;
using Paging.Peers.Running;

namespace Paging.Peers.Reports;

/// <summary>Makes tables of what was measured.</summary>
internal static class Results
{
    public static IEnumerable<Table> Tables(Bench bench, Options options)
    {
        foreach (MemorySetting setting in options.Memory)
        {
            Measurement[] measured = [.. bench.Measurements.Where(m => m.Setting == setting.Name)];
            if (measured.Length > 0)
            {
                yield return Rates(bench, setting, measured);
                yield return Ratios(setting, measured);
                yield return Memory(bench, setting, options.Bytes);
            }
        }

        foreach (var mode in bench.Flights.GroupBy(f => f.MayWait))
        {
            yield return Frames([.. mode], mode.Key);
        }

        if (bench.Stalls.Count > 0)
        {
            yield return Stalls(bench);
        }

        if (bench.Loop is { } loop)
        {
            yield return new Table("A sum of floats, all resident", ["form", "ns an element", "of an array"],
                [.. ((string[])["a managed array", "leases, the loop in a method of its own", "leases, the loop in place"]).Zip(loop,
                    (name, ns) => (string[])[name, F($"{ns:0.00}"), F($"{ns / loop[0]:0.00}")])]);
        }

        if (bench.Faults.Count > 0)
        {
            yield return new Table("Faults among more and more pages, 1,024 frames",
                ["pages of 4 KiB", "ns a fault", "ns of two loads alone", "metadata, bytes a page"],
                [.. bench.Faults.Select(f => (string[])
                    [F($"{f.Pages:n0}"), F($"{f.Nanoseconds:0}"), F($"{f.BareNanoseconds:0}"), F($"{f.MetadataBytes:0.0}")])],
                "Pages of one repeated pattern, which their descriptors hold: data of that size would not fit. " +
                "The two loads, of a word of 8 bytes a page and then of 16, are what any table of as many pages costs.");
        }

        if (bench.Stores.Count > 0)
        {
            yield return new Table("Stores over other pages in a pool that is full, segments of 1 MiB", ["segments", "pages of 4 KiB", "ns a store"],
                [.. bench.Stores.Select(s => (string[])[F($"{s.PoolBytes >> 20:n0}"), F($"{s.Pages:n0}"), F($"{s.Nanoseconds:0}")])],
                "Pages that do not shrink, three quarters of the pool live, cleaning included. For a million segments: Paging.Benchmarks segments.");
        }

        if (bench.Threads.Count > 0)
        {
            double one = Measurement.Median(bench.Threads[0].RowsPerSecond);
            yield return new Table("Faults from the pool by several threads", ["threads", "rows a second", "of one thread"],
                [.. bench.Threads.Select(t => (string[])
                    [F($"{t.Threads}"), F($"{Measurement.Median(t.RowsPerSecond):n0}"), F($"{Measurement.Median(t.RowsPerSecond) / one:0.00}")])]);
        }
    }

    /// <summary>What the issue of a comparison is: the better of ours against the best of the others, workload by workload. Swap is for
    /// itself: who has no right to turn it on cannot choose it.</summary>
    public static IEnumerable<(string Workload, Measurement Ours, Measurement? Best, Measurement? Swap, Measurement? Limit)> Pairs(
        IEnumerable<Measurement> measured)
    {
        foreach (var workload in measured.GroupBy(m => m.Workload))
        {
            Measurement? ours = workload.Where(m => m.Peer.IsOurs).MaxBy(m => m.Rate);
            Measurement? best = workload.Where(m => !m.Peer.IsOurs && !m.Peer.IsLimit && !m.Peer.IsSwapped).MaxBy(m => m.Rate);
            Measurement? swap = workload.FirstOrDefault(m => m.Peer.IsSwapped);
            if (ours is not null && (best ?? swap) is not null)
            {
                yield return (workload.Key, ours, best, swap, workload.FirstOrDefault(m => m.Peer.IsLimit));
            }
        }
    }

    /// <summary>Every round of everything, for whoever wants to look closer.</summary>
    public static IEnumerable<string> Csv(Bench bench)
    {
        yield return "memory,workload,peer,round,rows_per_second";
        foreach (Measurement m in bench.Measurements)
        {
            for (int round = 0; round < m.Rates.Length; round++)
            {
                yield return F($"{m.Setting},{m.Workload},{m.Peer.Key},{round + 1},{m.Rates[round]:0.0}");
            }
        }
    }

    /// <summary>Every frame of every flight.</summary>
    public static IEnumerable<string> FramesCsv(Bench bench)
    {
        yield return "memory,mode,peer,round,frame,milliseconds";
        foreach (FlightsOf flights in bench.Flights)
        {
            for (int round = 0; round < flights.Rounds.Length; round++)
            {
                for (int frame = 0; frame < flights.Rounds[round].Length; frame++)
                {
                    string tried = flights.MayWait ? "waits" : "tries";
                    double took = flights.Rounds[round][frame];
                    yield return F($"{flights.Setting},{tried},{flights.Peer.Key},{round + 1},{frame + 1},{took:0.000}");
                }
            }
        }
    }

    public static string Name(string workload) => workload switch
    {
        "Uniform 1" => "uniform, one",
        "Uniform 256" => "uniform, 256",
        "Zipf 1" => "Zipf, one",
        "Zipf 256" => "Zipf, 256",
        _ => workload,
    };

    private static Table Rates(Bench bench, MemorySetting setting, Measurement[] measured)
    {
        string[] workloads = [.. measured.Select(m => m.Workload).Distinct()];
        return new Table(
            F($"Memory: {setting.Name} ({bench.BytesOf(setting) >> 20:n0} MiB); µs a row"),
            ["", .. workloads.Select(Name)],
            [.. measured.Select(m => m.Peer).Distinct().Select(peer => (string[])[peer.Name,
                .. workloads.Select(w =>
                    measured.FirstOrDefault(m => m.Peer == peer && m.Workload == w) is { } m ? F($"{1e6 / m.Rate:0.00}") : "-")])]);
    }

    private static Table Ratios(MemorySetting setting, Measurement[] measured) => new(
        $"Memory: {setting.Name}; the faster of ours over the fastest of the peers",
        ["", "times as fast", "lowest to highest", "ours", "the peer", "times zram", "lowest to highest", "of unlimited arrays"],
        [.. Pairs(measured).Select(pair => (string[])
        [
            Name(pair.Workload), .. Times(pair.Ours, pair.Best), pair.Ours.Peer.Name, pair.Best?.Peer.Name ?? "-",
            .. Times(pair.Ours, pair.Swap),
            pair.Limit is { } l ? F($"1/{1 / pair.Ours.Over(l).Median:0.0}") : "-",
        ])]);

    private static string[] Times(Measurement ours, Measurement? other)
    {
        if (other is null)
        {
            return ["-", "-"];
        }

        (double median, double lowest, double highest) = ours.Over(other);
        return [F($"{median:0.00}"), F($"{lowest:0.00} - {highest:0.00}")];
    }

    private static Table Memory(Bench bench, MemorySetting setting, long dataBytes) => new(
        $"Memory: {setting.Name}; what they took",
        ["", "load s", "anonymous MiB", "page cache MiB", "bytes a byte of data"],
        [.. bench.Setups.Where(s => s.Setting == setting.Name).Select(s => (string[])[
            s.Peer.Name,
            s.LoadSeconds is { } seconds ? F($"{seconds:0.0}") : "-",
            F($"{s.Memory.Anonymous >> 20:n0}"),
            s.Memory.PageCache < 0 ? "?" : F($"{s.Memory.PageCache >> 20:n0}"),
            F($"{(s.Memory.Anonymous + Math.Max(0, s.Memory.PageCache)) / (double)dataBytes:0.00}")])],
        "The process with the .NET runtime is in it, some 40 MiB. Load: the first time only, where it stays on the disk.");

    private static Table Frames(FlightsOf[] flights, bool mayWait) => new(
        $"Assets, memory: {flights[0].Setting}; " +
        $"frames {(mayWait ? "wait for" : "leave out")} what is not in memory; milliseconds a frame",
        ["", "frames", "over 16 ms", "incomplete", "assets opened", "late", "p50", "p99", "longest"],
        [.. flights.Select(f => (string[])[f.Peer.Name, F($"{f.Sorted.Length:n0}"), F($"{f.Missed:n0}"), F($"{f.LateFrames:n0}"),
            F($"{f.Opened:n0}"), F($"{f.LateAssets:n0}"),
            F($"{f.At(0.5):0.00}"), F($"{f.At(0.99):0.00}"), F($"{f.At(1):0.00}")])],
        "Assets of 64 KiB to 4 MiB, each copied whole and verified in the frame in which it comes into sight; " +
        "a thread is told 8 and 20 frames ahead.");

    private static Table Stalls(Bench bench) => new(
        "Pauses of the garbage collector while others read; microseconds",
        ["who reads", "rows a second", "pauses", "p50", "p99", "longest"],
        [.. bench.Stalls.Select(s => (string[])[s.Who, F($"{s.RowsPerSecond:n0}"), F($"{s.Pauses.Length:n0}"),
            At(s.Pauses, 0.5), At(s.Pauses, 0.99), At(s.Pauses, 1)])],
        "Memory: a quarter of the data.");

    private static string At(double[] sorted, double share) =>
        sorted.Length == 0 ? "-" : F($"{Measurement.At(sorted, share):n0}");

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
