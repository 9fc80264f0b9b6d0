// Random operations by several threads over arrays much larger than the memory they may use, against a model in memory.
// Without arguments it runs every configuration. It exits with 1 when a byte differs, or anything else goes wrong.
using System.Diagnostics;
using System.Globalization;
using Paging.Stress.Driver;

const string Usage = """
    Usage: Paging.Stress [--ops N] [--threads N] [--seed N] [--background N] [--resident BYTES] [--pool BYTES] [--page BYTES] [--data PERCENT]
                         [--file BYTES] [--files N] [--encrypt 0|1] [--removals 0|1] [--interrupts 0|1] [--resizes 0|1]
           Paging.Stress --probe MIB | --follow SECONDS
      --probe       resizes a pager of so many MiB of frames to a tenth and back, and says what the process has of memory
      --follow      lets the budgets of a pager follow the memory that is left, for so long, and says what they are
      --ops         operations of each configuration (10000000)
      --threads     threads that operate (4)
      --seed        of all chance (of the clock, and printed)
      --background  background threads of the pager (0, 1 and 2)
      --resident    bytes of frames (32 pages)
      --pool        bytes of the pool (512 pages, 2 MiB at least)
      --page        bytes of a page, 0 for arrays of different ones (4096, 16384 and 0)
      --data        bytes of the arrays in hundredths of the pool's (180)
      --file        bytes of each swap file, in the directory for temporary files (four times the pool, if there are any)
      --files       swap files (0, or 1 when --file is given)
      --encrypt     1 to encrypt them (0)
      --removals    1 to add a file and remove the oldest one all the time (0)
      --interrupts  1 to interrupt the threads at random all the time (0)
      --resizes     1 to change the budgets all the time, down to a quarter of the frames and a third of the pool (0)
    """;

if (args is ["--probe" or "--follow", _] && int.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out int size))
{
    if (args[0] == "--probe")
        return BudgetProbe.Resize((long)size << 20, rounds: 3) ? 0 : 1;
    BudgetProbe.Follow(size);
    return 0;
}

var given = new Dictionary<string, long>();
for (int i = 0; i < args.Length; i += 2)
{
    bool known = args[i] is "--ops" or "--threads" or "--seed" or "--background" or "--resident" or "--pool" or "--page" or "--data"
        or "--file" or "--files" or "--encrypt" or "--removals" or "--interrupts" or "--resizes";
    if (!known || i + 1 == args.Length || !long.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out long value))
    {
        Console.Error.WriteLine(Usage);
        return 2;
    }

    given[args[i]] = value;
}

long seed = given.GetValueOrDefault("--seed", Stopwatch.GetTimestamp());
int[] pages = given.TryGetValue("--page", out long page) ? [checked((int)page)] : [4 << 10, 16 << 10, 0];
int[] backgrounds = given.TryGetValue("--background", out long background) ? [checked((int)background)] : [0, 1, 2];
foreach (int pageBytes in pages)
{
    foreach (int backgroundThreads in backgrounds)
    {
        StressOptions options = StressOptions.Of(pageBytes, backgroundThreads) with { Seed = (ulong)seed };
        options = options with
        {
            Operations = given.GetValueOrDefault("--ops", options.Operations),
            Threads = (int)given.GetValueOrDefault("--threads", options.Threads),
            ResidentBytes = given.GetValueOrDefault("--resident", options.ResidentBytes),
            PoolBytes = given.GetValueOrDefault("--pool", options.PoolBytes),
        };
        int files = (int)given.GetValueOrDefault("--files", given.ContainsKey("--file") ? 1 : 0);
        if (files > 0)
            options = options.WithFiles(files, encrypt: given.GetValueOrDefault("--encrypt") != 0);
        options = options with
        {
            FileBytes = given.GetValueOrDefault("--file", options.FileBytes),
            DataPercent = (int)given.GetValueOrDefault("--data", options.DataPercent),
            Removals = files > 0 && given.GetValueOrDefault("--removals") != 0,
            Interrupts = given.GetValueOrDefault("--interrupts") != 0,
            Resizes = given.GetValueOrDefault("--resizes") != 0,
        };
        if (!Run(options))
            return 1;
    }
}

Console.WriteLine("Every configuration is as its model.");
return 0;

static bool Run(StressOptions options)
{
    Console.WriteLine(options);
    TimeSpan next = TimeSpan.FromSeconds(5);
    try
    {
        StressResult result = StressRun.Execute(options, now =>
        {
            if (now.Elapsed < next)
                return;
            next = now.Elapsed + TimeSpan.FromSeconds(5);
            Print(now, options);
        });
        Print(result, options);
        return true;
    }
    catch (StressFailure e)
    {
        Console.Error.WriteLine(e.Message);
        Console.Error.WriteLine(e.InnerException);
        return false;
    }
}

static void Print(StressResult result, StressOptions options) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"  {result.Elapsed.TotalSeconds,6:F0} s {100.0 * result.Operations / options.Operations,5:F1}%  " +
    $"{result.Operations / result.Elapsed.TotalSeconds,9:F0} ops/s  " +
    $"{result.Refused} refused  {result.Statistics.Faults} faults  " +
    $"{result.Statistics.Evictions} evictions, {result.Statistics.CleanEvictions} clean  " +
    $"{result.Statistics.RecompressedPages} recompressed  pool {100.0 * result.Statistics.PoolBytes / options.PoolBytes:F0}%" +
    $"{(options.Files == 0 ? "" : $"  files {result.Statistics.FileBytes >> 10} KiB, {result.Statistics.FaultsFromFile} faults from them")}"));
