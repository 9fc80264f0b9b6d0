// A camera over a world that is larger than the memory for it, with sixteen milliseconds for each picture. Renderer.cs and Prefetcher.cs
// are the parts to start from; World.cs and TileGenerator.cs only make a world to fly over.
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using AssetStreaming;
using Paging;

return await SampleProgram.Run("assetstreaming", async () =>
{
    Options options = Options.Parse(args);
    if (options.ShowHelp)
    {
        Console.Write(Options.Usage);
        return;
    }

    Assets.CheckRoom(options);
    using ScratchFolder folder = new(options.WorldFolder, "assetstreaming-");
    World world = OpenWorld(folder, options);
    Camera[] path = Flight.Plan(options.Frames, options.Seed);

    FlightResult waiting = await Fly(options, world, path, mayWait: true);
    FlightResult neverWaiting = await Fly(options, world, path, mayWait: false);
    Report(waiting, neverWaiting);

    FrameTimes.Plot(options.PlotPath, waiting.Times, neverWaiting.Times);
    Console.WriteLine($"plotted in {Path.GetFullPath(options.PlotPath)}");
    Console.WriteLine($"all pages drawn verified: {waiting.Drawn.Pages + neverWaiting.Drawn.Pages:n0}");
});

static World OpenWorld(ScratchFolder folder, Options options)
{
    long start = Stopwatch.GetTimestamp();
    World world;
    bool isNew;
    using (ProgressLine progress = new("make the world"))
    {
        world = World.OpenOrMake(folder, options.Tiles, options.Seed, progress, out isNew);
    }

    Console.WriteLine($"{world.Layout.TileCount:n0} tiles, {Sizes.Format(world.Layout.Bytes)}, {(isNew ? "made" : "found")} in "
        + $"{Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s; budgets: {Sizes.Format(options.ResidentBytes)} of frames, "
        + $"{Sizes.Format(options.PoolBytes)} of compressed pool");
    return world;
}

static async Task<FlightResult> Fly(Options options, World world, Camera[] path, bool mayWait)
{
    using Assets assets = new(options, world);
    await assets.Load(path[0]);

    // Once for the JIT compiler, whose time is no one's here.
    new Renderer(assets, mayWait).Draw(path[0]);
    Renderer renderer = new(assets, mayWait);
    if (mayWait)
        return new FlightResult(DrawAll(renderer, path, _ => { }), renderer, assets.Pager.GetStatistics(), 0, 0);

    Prefetcher prefetcher = new(assets, path[0]);
    FrameTimes times;
    await using (prefetcher)
    {
        times = DrawAll(renderer, path, prefetcher.Follow);
    }

    return new FlightResult(times, renderer, assets.Pager.GetStatistics(), prefetcher.Turns, prefetcher.Cancelled);
}

// On a thread of its own, as games have it: what the thread pool does cannot delay it.
static FrameTimes DrawAll(Renderer renderer, Camera[] path, Action<Camera> follow)
{
    double[] times = new double[path.Length];
    Exception? failure = null;
    Thread thread = new(() =>
    {
        try
        {
            for (int frame = 0; frame < path.Length; frame++)
            {
                long start = Stopwatch.GetTimestamp();
                follow(path[frame]);
                renderer.Draw(path[frame]);
                TimeSpan time = Stopwatch.GetElapsedTime(start);
                times[frame] = time.TotalMilliseconds;

                // Until the screen shows it. A late picture begins the next one at once.
                TimeSpan left = TimeSpan.FromMilliseconds(FrameTimes.Deadline) - time;
                if (left > TimeSpan.Zero)
                    Thread.Sleep(left);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
    });
    thread.Start();
    thread.Join();
    if (failure is not null)
        ExceptionDispatchInfo.Throw(failure);
    return new FrameTimes(times);
}

static void Report(FlightResult waiting, FlightResult neverWaiting)
{
    Console.WriteLine();
    Console.WriteLine($"  {waiting.Times.InOrder.Length:n0} frames                     Read   TryRead + prefetcher");
    Row("frame time, median", result => $"{result.Times.Median:0.0} ms");
    Row("frame time, 99 of 100", result => $"{result.Times.Percentile99:0.0} ms");
    Row("frame time, longest", result => $"{result.Times.Longest:0.0} ms");
    Row($"frames over {FrameTimes.Deadline} ms", result => $"{result.Times.Missed:n0}");
    Row("tiles drawn", result => $"{result.Drawn.Tiles:n0}");
    Row("  late: coarser, in part", result => $"{result.Drawn.LateTiles:n0} ({(double)result.Drawn.LateTiles / result.Drawn.Tiles:p2})");
    Row("  holes (pages)", result => $"{result.Drawn.Holes:n0}");
    Row("faults", result => $"{result.Statistics.Faults:n0}");
    Row("  from the pack", result => $"{result.Statistics.FaultsFromFile:n0}");
    Row("  from the pool", result => $"{result.Statistics.FaultsFromPool:n0}");
    Row("brought in ahead", result => $"{result.Statistics.PrefetchedPages:n0}");
    Row("  for nothing", result => $"{result.Statistics.PrefetchWasted:n0}");
    Row("turns noticed", result => result.Turns == 0 ? "" : $"{result.Turns:n0}");
    Row("  prefetches cancelled", result => result.Turns == 0 ? "" : $"{result.Cancelled:n0}");
    Console.WriteLine($"  process (VmRSS)         {Sizes.Format(ProcessMemory.Resident),14}, peak {Sizes.Format(ProcessMemory.Peak)}");
    Console.WriteLine();

    void Row(string name, Func<FlightResult, string> text) =>
        Console.WriteLine($"  {name,-24}{text(waiting),14}{text(neverWaiting),24}".TrimEnd());
}

internal sealed record FlightResult(FrameTimes Times, Renderer Drawn, PagerStatistics Statistics, int Turns, int Cancelled);
