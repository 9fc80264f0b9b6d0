using System.Globalization;

namespace Paging.Peers;

/// <summary>How much memory peers get.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Share">Of the data; null: as much as the data takes compressed, by this library's own count.</param>
internal sealed record MemorySetting(string Name, double? Share);

/// <summary>The command line.</summary>
internal sealed record Options
{
    public const string Usage = """
        Paging.Peers [OPTIONS]

        The same work, on the same data, in the same memory, by this library and by what one might use instead.

          --quick              ends within two minutes; without it, within twenty
          --data PATH          a file or folder whose bytes the rows are made of (the .NET shared framework's own files)
          --bytes BYTES        of rows: 64M, 1G (1G, 128M with --quick)
          --memory LIST        shares of the data, and `fit`: as much as it takes compressed (0.5,0.25,fit; 0.5 with --quick)
          --only LIST          of gathers, epochs, assets, updates, loops, stall, scaling
          --peers LIST         by the keys that the program shows
          --rounds N           of each measurement, in alternation (5; 3 with --quick)
          --slice MS           how long each measurement of a round lasts (300; 60 with --quick)
          --warm MS            how long all are read at random at most before they are measured (30000; 3000 with --quick)
          --dir DIRECTORY      where the peers' files go, and stay, for another run (a temporary one)
          --out DIRECTORY      Markdown, CSV and pictures of the results
          --seed N             of all random orders (1)

        As root, with a memory controller, each peer runs in a cgroup of its own. Without one, what the kernel caches for a
        peer is bounded by nothing, and the output says so. Exit code 0; 1 when anything came back different; 2 for bad arguments.
        """;

    private const long FewestBytes = 16L << 20;
    private const long MostBytes = 1L << 40; // rows are counted in ints here

    public bool Quick { get; private set; }

    public string? Data { get; private set; }

    public long Bytes { get; private set; }

    public IReadOnlyList<MemorySetting> Memory { get; private set; } = [];

    public IReadOnlyList<string> Only { get; private set; } = [];

    public IReadOnlyList<string> Peers { get; private set; } = [];

    public int Rounds { get; private set; }

    public int SliceMilliseconds { get; private set; }

    public string? Directory { get; private set; }

    public string? Out { get; private set; }

    public int Seed { get; private set; } = 1;

    public static IReadOnlyList<string> Workloads { get; } = ["gathers", "epochs", "assets", "updates", "loops", "stall", "scaling"];

    /// <summary>How long peers are read at random at most, all together, before they are measured.</summary>
    public int WarmMilliseconds { get; private set; }

    public bool Wants(string workload) => Only.Count == 0 || Only.Contains(workload);

    /// <exception cref="ArgumentException">With what is wrong.</exception>
    public static Options Parse(string[] args)
    {
        Options options = new() { Quick = args.Contains("--quick") };
        options.Bytes = options.Quick ? 128L << 20 : 1L << 30;
        options.Rounds = options.Quick ? 3 : 5;
        options.SliceMilliseconds = options.Quick ? 60 : 300;
        options.Memory = ParseMemory(options.Quick ? "0.5" : "0.5,0.25,fit");
        options.WarmMilliseconds = options.Quick ? 3000 : 30000;
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--quick")
            {
                continue;
            }

            string value = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"{args[i]}: a value is missing, or it is no option.");
            options.Set(args[i], value);
            i++;
        }

        return options;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "--data":
                Data = value;
                break;
            case "--bytes":
                Bytes = ParseBytes(value);
                break;
            case "--memory":
                Memory = ParseMemory(value);
                break;
            case "--only":
                Only = ParseList(value, Workloads);
                break;
            case "--peers":
                Peers = ParseList(value, [.. Paging.Peers.Peers.Peer.All.Select(p => p.Key)]);
                break;
            case "--rounds":
                Rounds = ParseCount(value);
                break;
            case "--slice":
                SliceMilliseconds = ParseCount(value);
                break;
            case "--warm":
                WarmMilliseconds = ParseCount(value);
                break;
            case "--dir":
                Directory = Path.GetFullPath(value);
                break;
            case "--out":
                Out = Path.GetFullPath(value);
                break;
            case "--seed":
                Seed = ParseCount(value);
                break;
            default:
                throw new ArgumentException($"{name}: no such option.");
        }
    }

    private static string[] ParseList(string value, IReadOnlyList<string> known)
    {
        string[] list = value.Split(',');
        return Array.Find(list, l => !known.Contains(l)) is { } unknown
            ? throw new ArgumentException($"{unknown}: not one of {string.Join(", ", known)}.")
            : list;
    }

    private static int ParseCount(string value) =>
        int.TryParse(value, CultureInfo.InvariantCulture, out int count) && count > 0
            ? count : throw new ArgumentException($"{value}: not a number above 0.");

    private static long ParseBytes(string value)
    {
        int shift = value.Length == 0 ? 0 : char.ToUpperInvariant(value[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        return long.TryParse(shift == 0 ? value : value[..^1], CultureInfo.InvariantCulture, out long count)
            && count <= MostBytes >> shift && count << shift >= FewestBytes
            ? count << shift
            : throw new ArgumentException($"{value}: not a size, or not between the 16 MiB under which nothing is to be seen and 1 TiB.");
    }

    /// <summary>Each once: measurements are told apart by it.</summary>
    private static MemorySetting[] ParseMemory(string value) => [.. value.Split(',').Select(v => v == "fit"
        ? new MemorySetting("what the data takes compressed", null)
        : double.TryParse(v, CultureInfo.InvariantCulture, out double share) && share is >= 0.05 and <= 2
        ? new MemorySetting(string.Create(CultureInfo.InvariantCulture, $"{share} of the data"), share)
        : throw new ArgumentException($"{v}: neither fit nor a share between 0.05 and 2.")).Distinct()];
}
