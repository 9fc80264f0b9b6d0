using System.Diagnostics;
using System.Globalization;
using Paging.Peers.Data;
using Paging.Peers.Peers;
using Paging.Peers.Workloads;

namespace Paging.Peers.Running;

/// <summary>Runs all that was asked for: peers in processes of their own, in turns, and gathers what they say.</summary>
internal sealed class Bench(Options options, string directory, ProgressBar bar)
{
    private const int MetadataBytesAPage = 72;

    /// <summary>What zram's allocator takes beside what is compressed, about; it is measured when the data is loaded.</summary>
    private const double ZramMore = 1.06;
    private const double MostOfMemoryInZram = 0.95;

    /// <summary>A peer whose turn takes so many times what it should has fewer.</summary>
    private const int SlowTurn = 4;
    private const int SlowRounds = 2;

    /// <summary>What the thread that allocates keeps, and what the collector has not collected yet.</summary>
    private const long StallBytes = 64 << 20;
    private static readonly string[] s_gathers =
        [.. from d in Enum.GetNames<Distribution>() from n in (int[])[1, 256] select $"{d} {n.ToString(CultureInfo.InvariantCulture)}"];

    private static readonly string[] s_ofPeers = ["gathers", "epochs", "assets", "updates"];
    private static readonly string[] s_epochs = ["in-order", "block-shuffled", "shuffled"];
    private readonly string _rowFile = Path.Combine(directory, "source.bin");
    private readonly long _rows = options.Bytes / Row.Bytes;

    /// <summary>LZ4's, of the rows one by one.</summary>
    public double CompressionRatio { get; private set; }

    public List<Measurement> Measurements { get; } = [];

    public List<Setup> Setups { get; } = [];

    /// <summary>Peers that were left out, each with why.</summary>
    public List<string> Skipped { get; } = [];

    public List<string> Mismatches { get; } = [];

    /// <summary>Pauses in microseconds, by who read meanwhile.</summary>
    public List<(string Who, double RowsPerSecond, double[] Pauses)> Stalls { get; } = [];

    public List<FlightsOf> Flights { get; } = [];

    public List<(long Pages, double Nanoseconds, double MetadataBytes, double BareNanoseconds)> Faults { get; } = [];

    public List<(long PoolBytes, double Nanoseconds, long Pages)> Stores { get; } = [];

    public List<(int Threads, double[] RowsPerSecond)> Threads { get; } = [];

    /// <summary>Nanoseconds an element: array, method of its own, in place.</summary>
    public double[]? Loop { get; private set; }

    private IReadOnlyList<Peer> Chosen => [.. Peer.All.Where(p => options.Peers.Count == 0 || options.Peers.Contains(p.Key))];

    private MemorySetting Least => options.Memory.MinBy(m => m.Share ?? double.MaxValue)!;

    /// <summary>A turn in each round at least, 50 frames after the one before.</summary>
    private int FramesARound => options.Quick ? 50 : 150;

    /// <summary>A frame takes its 16 ms however fast a peer is: fewer rounds where time is short.</summary>
    private int FlightRounds => Math.Min(options.Quick ? 2 : 3, options.Rounds);

    private double Slice => options.SliceMilliseconds / 1000.0;

    /// <summary>What of <see cref="Options.Memory"/> a setting is, in bytes.</summary>
    public long BytesOf(MemorySetting setting) => setting.Share is { } share
        ? (long)(options.Bytes * share)
        : (long)(options.Bytes / CompressionRatio * 1.12) + (options.Bytes / 16) + (_rows * MetadataBytesAPage);

    public void Run()
    {
        Estimate();
        bar.Draw("rows");
        CompressionRatio = RowFile.Prepare(_rowFile, _rows, options.Data, share => bar.Draw($"rows {share:P0}"));
        if (s_ofPeers.Any(options.Wants))
        {
            foreach (MemorySetting setting in options.Memory)
            {
                Compare(setting);
            }
        }

        if (options.Wants("stall"))
        {
            Stall();
        }

        if (options.Wants("loops"))
        {
            RunLoops();
        }

        if (options.Wants("scaling"))
        {
            Scale();
        }
    }

    private void Estimate()
    {
        double gathers = options.Wants("gathers") ? options.Rounds * s_gathers.Length * Slice : 0;
        double epochs = options.Wants("epochs") ? options.Rounds * s_epochs.Length * Slice : 0;
        double updates = options.Wants("updates") ? options.Rounds * Slice : 0;
        double assets = options.Wants("assets") ? 2 * FlightRounds * FramesARound / 60.0 : 0;
        if (gathers + epochs + updates + assets > 0)
        {
            bar.Expect(Chosen.Count * (epochs + assets + updates + (options.Memory.Count * (gathers + OpenSeconds))));
        }
    }

    private double OpenSeconds => options.Bytes / 200e6;

    private void Compare(MemorySetting setting)
    {
        List<Running> running = [];
        try
        {
            foreach (Peer peer in Chosen)
            {
                if (!s_ofPeers.Any(w => Does(peer, w, setting)))
                {
                    continue;
                }

                bar.Draw($"{setting.Name}: {peer.Name}");
                if (Start(peer, setting) is { } started)
                {
                    running.Add(started);
                }

                bar.Step(OpenSeconds, $"{setting.Name}: {peer.Name}");
            }

            // Side by side: that brings the disk to its speed, and nothing is timed.
            Together(running, $"warm {options.WarmMilliseconds}", setting);
            running.ForEach(r => Try(r, r.SettleSwap, setting.Name));
            foreach (string gather in s_gathers)
            {
                Alternate(setting, running.Where(r => Does(r.Peer, "gathers", setting)), gather, $"gather {gather}");
            }

            foreach (string epoch in s_epochs)
            {
                Alternate(setting, running.Where(r => Does(r.Peer, "epochs", setting) && !IsTooSlow(r.Peer, epoch)), epoch, $"epoch {epoch}");
            }

            Fly(setting, [.. running.Where(r => Does(r.Peer, "assets", setting))], mayWait: true);
            Fly(setting, [.. running.Where(r => Does(r.Peer, "assets", setting) && r.Peer.CanTry)], mayWait: false);
            Alternate(setting, running.Where(r => Does(r.Peer, "updates", setting)), "updates", "update");

            foreach (Running one in running)
            {
                Try(one, () =>
                {
                    (MemoryUse memory, string state) = one.AskMemory();
                    Setups.Add(new Setup(setting.Name, one.Peer, one.Settings, one.LoadSeconds, memory, state));
                    if (!one.Peer.IsLimit && memory.Anonymous + memory.PageCache > MostBytes(one.Peer, setting))
                    {
                        Skipped.Add($"nothing, but {one.Peer.Name} ({setting.Name}) holds more memory than the others: its figures are too good");
                    }
                }, setting.Name);
            }

            Together(running, "verify", setting);
        }
        finally
        {
            running.ForEach(r => r.Dispose());
        }
    }

    /// <summary>All but gathers take long, and are of most interest where memory is shortest. Of ours, what is meant to be written is.</summary>
    private bool Does(Peer peer, string workload, MemorySetting setting) =>
        options.Wants(workload) && (peer.Only is null || peer.Only == workload) && (workload == "gathers" || setting == Least)
        && workload switch
        {
            "assets" => peer.HasAssets,
            "updates" => !peer.IsOurs || peer.Key == "paging-swap",
            _ => true,
        };

    /// <summary>The least that is measured are three batches, which a mapping that reads around each fault takes many seconds for.</summary>
    private bool IsTooSlow(Peer peer, string epoch) => options.Quick && peer.Key == "mmap" && epoch != s_epochs[0];

    /// <summary>With a runtime that has opened nothing.</summary>
    private long MostBytes(Peer peer, MemorySetting setting) => (long)(BytesOf(setting) * (1 + peer.MoreShare)) + Child.SlackBytes + (40 << 20);

    private Running? Start(Peer peer, MemorySetting setting)
    {
        PeerContext context = ContextOf(peer, BytesOf(setting));
        ZramSwap? swap = null;
        long swapTakes = 0;
        if (peer.IsSwapped && (swap = TryStartSwap(context, out swapTakes, out string why)) is null)
        {
            Skipped.Add($"{peer.Name} ({setting.Name}): {why}");
            return null;
        }

        if (TryStart(peer, context, isLimited: !peer.IsLimit, (long)(context.MemoryBytes * peer.MoreShare), setting.Name) is not { } child)
        {
            swap?.Dispose();
            return null;
        }

        Running running = new(peer, child, swap);
        Try(running, () =>
        {
            if (swap is not null)
            {
                child.LetSwap(swapTakes);
            }

            string[] answer = child.Ask("open");
            running.LoadSeconds = answer[0] == "1" ? double.Parse(answer[1], CultureInfo.InvariantCulture) : null;
            running.Settings = string.Join(' ', answer[2..]);
            running.SettleSwap();
        }, setting.Name);
        if (running.HasFailed)
        {
            running.Dispose();
            return null;
        }

        return running;
    }

    /// <summary>A device to swap to, if the data fits into memory at all that way: there is no disk behind it.</summary>
    private ZramSwap? TryStartSwap(PeerContext context, out long takesBytes, out string why)
    {
        // Of the data, what the memory does not hold is in zram, which takes its part of the same memory.
        double share = ZramMore / CompressionRatio;
        takesBytes = share >= 1 ? context.MemoryBytes : (long)(Math.Max(0, context.DataBytes - context.MemoryBytes) * share / (1 - share));
        if (takesBytes > context.MemoryBytes * MostOfMemoryInZram)
        {
            why = $"the {context.DataBytes >> 20:n0} MiB do not fit into {context.MemoryBytes >> 20:n0} MiB compressed, and it has no disk behind it";
            return null;
        }

        using MemoryGroup? group = MemoryGroup.TryCreate(out why);
        if (group is null)
        {
            why = $"without a cgroup nothing would be swapped: {why}";
            return null;
        }

        return ZramSwap.TryCreate(context.DataBytes * 5 / 4 / Row.Bytes * Row.Bytes, out why);
    }

    /// <summary>All peers at once.</summary>
    private void Together(IReadOnlyList<Running> peers, string command, MemorySetting setting)
    {
        bar.Draw($"{setting.Name}: {command}");
        foreach (Running peer in peers)
        {
            Try(peer, () => peer.Child.Tell(command), setting.Name);
        }

        foreach (Running peer in peers)
        {
            Try(peer, () => _ = peer.Child.Receive(command), setting.Name);
            bar.Step(0, $"{setting.Name}: {command}, {peer.Peer.Name}");
        }
    }

    /// <summary>A peer has a directory for itself, whatever the memory.</summary>
    private PeerContext ContextOf(Peer peer, long memoryBytes) => new(Path.Combine(directory, peer.Key), _rowFile, _rows, memoryBytes);

    /// <summary>Round after round, the order reversed each time. What is done before them is not counted: caches settle to the new work.</summary>
    private void Alternate(MemorySetting setting, IEnumerable<Running> peers, string workload, string command)
    {
        Running[] all = [.. peers.Where(p => !p.HasFailed)];
        if (all.Length == 0)
        {
            return;
        }

        Together(all, $"{command} {options.WarmMilliseconds / 4}", setting);

        Dictionary<Running, List<double>> rates = all.ToDictionary(p => p, _ => new List<double>());
        HashSet<Running> slow = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (Running peer in (round % 2 == 0 ? all : [.. all.Reverse()]).Where(p => round < SlowRounds || !slow.Contains(p)))
            {
                long start = Stopwatch.GetTimestamp();
                Try(peer, () => rates[peer].Add(peer.Child.AskRate($"{command} {options.SliceMilliseconds}")), setting.Name);
                if (Stopwatch.GetElapsedTime(start).TotalSeconds > SlowTurn * Slice)
                {
                    slow.Add(peer);
                }

                bar.Step(Slice, $"{setting.Name}, {workload}, round {round + 1}: {peer.Peer.Name}");
            }
        }

        Measurements.AddRange(all.Where(p => !p.HasFailed).Select(p => new Measurement(setting.Name, workload, p.Peer, [.. rates[p]])));
    }

    /// <summary>The same, over the assets: all open the same ones in the same frames.</summary>
    private void Fly(MemorySetting setting, Running[] peers, bool mayWait)
    {
        Running[] all = [.. peers.Where(p => !p.HasFailed)];
        if (all.Length == 0)
        {
            return;
        }

        string mode = mayWait ? "wait" : "try";
        Together(all, $"fly {mode} {FramesARound}", setting);
        Dictionary<Running, List<string[]>> answers = all.ToDictionary(p => p, _ => new List<string[]>());
        for (int round = 0; round < FlightRounds; round++)
        {
            foreach (Running peer in round % 2 == 0 ? all : [.. all.Reverse()])
            {
                Try(peer, () => answers[peer].Add(peer.Child.Ask($"fly {mode} {FramesARound}")), setting.Name);
                bar.Step(FramesARound / 60.0, $"{setting.Name}, assets, {mode}, round {round + 1}: {peer.Peer.Name}");
            }
        }

        Flights.AddRange(all.Where(p => !p.HasFailed).Select(p => FlightsOf.Parse(setting.Name, p.Peer, mayWait, answers[p])));
    }

    /// <summary>A peer that fails is left out from there on; what came back different is told at the end as well.</summary>
    private void Try(Running peer, Action action, string setting = "")
    {
        if (peer.HasFailed)
        {
            return;
        }

        try
        {
            action();
        }
        catch (Exception e) when (e is PeerFailedException or DataMismatchException)
        {
            peer.HasFailed = true;
            Tell(peer.Peer, e, setting);
        }
    }

    /// <summary>A process for a peer; null when it does not start, which is told.</summary>
    private Child? TryStart(Peer peer, PeerContext context, bool isLimited, long moreBytes, string setting = "")
    {
        try
        {
            return Child.Start(peer.Key, context, options.Seed, isLimited, moreBytes);
        }
        catch (PeerFailedException e)
        {
            Tell(peer, e, setting);
            return null;
        }
    }

    private void Tell(Peer peer, Exception e, string setting)
    {
        string line = $"{peer.Name}{(setting.Length > 0 ? $" ({setting})" : "")}: {e.Message}";
        Skipped.Add(line);
        if (e is DataMismatchException)
        {
            Mismatches.Add(line);
        }

        bar.Clear();
        Console.Error.WriteLine(line);
    }

    private void Stall()
    {
        int readers = Math.Max(1, Environment.ProcessorCount - 1);
        foreach ((string key, string who, int threads) in ((string, string, int)[])
            [("arrays", "nobody", 0), ("arrays", "arrays", readers), ("mmap", "memory-mapped file", readers),
            ("mmap-random", "memory-mapped file, MADV_RANDOM", readers), ("paging-map", "Paging, file mapped", readers)])
        {
            bar.Draw($"pauses: {who}");
            Peer peer = Peer.All.Single(p => p.Key == key);
            using Child? child = TryStart(peer, ContextOf(peer, options.Bytes / 4), !peer.IsLimit, StallBytes);
            if (child is null)
            {
                continue;
            }

            Try(new Running(peer, child), () =>
            {
                _ = child.Ask("open");
                _ = child.Ask($"warm {options.WarmMilliseconds / 3}");
                _ = child.Ask($"stall {threads} {(options.Quick ? 300 : 2000)}");
                string[] answer = child.Ask($"stall {threads} {(options.Quick ? 1200 : 10000)}");
                double[] pauses = [.. answer[1..].Where(a => a.Length > 0).Select(a => double.Parse(a, CultureInfo.InvariantCulture)).Order()];
                Stalls.Add((who, double.Parse(answer[0], CultureInfo.InvariantCulture), pauses));
            });
        }
    }

    private void RunLoops() => Alone("loops", child =>
        Loop = [.. child.Ask($"loops {(options.Quick ? 500 : 4000)}").Select(w => double.Parse(w, CultureInfo.InvariantCulture))]);

    private void Scale()
    {
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        foreach (long pages in (long[])(options.Quick ? [10_000, 100_000, 1_000_000] : [10_000, 100_000, 1_000_000, 10_000_000]))
        {
            if (2 * pages * MetadataBytesAPage > memory)
            {
                Skipped.Add($"{pages:n0} pages, whose metadata would take {pages * MetadataBytesAPage >> 20:n0} MiB");
                continue;
            }

            Alone($"faults among {pages:n0} pages", child =>
            {
                double[] answer = [.. child.Ask($"faults {pages}").Select(w => double.Parse(w, CultureInfo.InvariantCulture))];
                Faults.Add((pages, answer[0], answer[1], answer[2]));
            });
        }

        foreach (long pool in (long[])(options.Quick ? [256L << 20, 1L << 30] : [256L << 20, 1L << 30, 4L << 30]))
        {
            if (2 * pool > memory)
            {
                Skipped.Add($"stores into a pool of {pool >> 20:n0} MiB, for which there is no memory");
                continue;
            }

            Alone($"stores into {pool >> 20:n0} MiB", child =>
            {
                string[] answer = child.Ask($"stores {pool}");
                Stores.Add((pool, double.Parse(answer[0], CultureInfo.InvariantCulture), long.Parse(answer[1], CultureInfo.InvariantCulture)));
            });
        }

        int[] threads = [.. Enumerable.Range(0, 10).Select(i => 1 << i).TakeWhile(n => n < Environment.ProcessorCount), Environment.ProcessorCount];
        foreach (int count in threads)
        {
            Alone($"{count} threads", child => Threads.Add((count,
                [.. Enumerable.Range(0, options.Rounds).Select(_ => child.AskRate($"threads {count} {options.SliceMilliseconds}"))])));
        }
    }

    /// <summary>Something of this library alone, in a process of its own.</summary>
    private void Alone(string what, Action<Child> use)
    {
        bar.Draw(what);
        Peer ours = Peer.All[0];
        using Child? child = TryStart(ours, ContextOf(ours, options.Bytes), isLimited: false, moreBytes: 0, what);
        if (child is not null)
        {
            Try(new Running(ours, child), () => use(child), what);
        }
    }

    private sealed class Running(Peer peer, Child child, ZramSwap? swap = null) : IDisposable
    {
        private const int SettlingSteps = 8;

        public Peer Peer { get; } = peer;

        public Child Child { get; } = child;

        public string Settings { get; set; } = "";

        public double? LoadSeconds { get; set; }

        public bool HasFailed { get; set; }

        /// <summary>What zram takes is taken off the memory, which makes it take more: some steps bring both to rest.</summary>
        public void SettleSwap()
        {
            for (int i = 0; swap is not null && i < SettlingSteps; i++)
            {
                Child.LetSwap(swap.UsedBytes);
            }
        }

        public (MemoryUse Memory, string State) AskMemory()
        {
            (MemoryUse memory, string state) = Child.AskMemory();
            return swap is null
                ? (memory, state)
                : (memory with { Anonymous = memory.Anonymous + swap.UsedBytes },
                    $"{swap.Bytes.Stored >> 20} MiB in zram, by {swap.Algorithm} {swap.Bytes.Compressed >> 20}, which take {swap.UsedBytes >> 20}");
        }

        public void Dispose()
        {
            Child.Dispose();
            swap?.Dispose();
        }
    }
}
