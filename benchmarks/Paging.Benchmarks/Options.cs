using System.Globalization;

namespace Paging.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const int FewestRounds = 7;

    public string Command { get; init; } = "help";

    public IReadOnlyList<FileGroup> Groups { get; init; } = [];

    /// <summary>Whether <see cref="Groups"/> are what was asked for, and not the default.</summary>
    public bool HasPaths { get; init; }

    public IReadOnlyList<int> PageSizes { get; init; } = [4 << 10, 16 << 10, 64 << 10];

    public int Rounds { get; init; } = 9;

    /// <summary>Bytes of frames; null takes an eighth of the data, and 64 frames at least.</summary>
    public long? ResidentBytes { get; init; }

    /// <summary>Bytes of pages a workload runs on: less input is repeated (each time with one word changed), more is cut off.</summary>
    public long DataBytes { get; init; } = 64L << 20;

    public int Seed { get; init; } = 1;

    /// <summary>Frames that traces are replayed with; none takes shares of each trace's pages.</summary>
    public IReadOnlyList<int> Frames { get; init; } = [];

    /// <summary>Whether traces are also replayed on a real array.</summary>
    public bool WithArray { get; init; }

    /// <summary>Whether traces are replayed to compare what the pager says of larger frames with larger frames, and nothing else.</summary>
    public bool WithForecast { get; init; }

    /// <summary>Whether the forecasts of these pagers rest, as in every other pager.</summary>
    public bool WithRests { get; init; }

    /// <summary>A file for the table of the traces.</summary>
    public string? CsvPath { get; init; }

    /// <summary>Where swap files are made, and the raw files that they are held against.</summary>
    public string SwapDirectory { get; init; } = Path.GetTempPath();

    /// <exception cref="ArgumentException">Says in one line what is wrong.</exception>
    public static Options Parse(ReadOnlySpan<string> args)
    {
        if (args.IsEmpty)
        {
            return new Options();
        }

        Options options = new() { Command = args[0] };
        List<string> paths = [];
        bool each = false;
        for (int i = 1; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--each":
                    each = true;
                    break;
                case "--array":
                    options = options with { WithArray = true };
                    break;
                case "--forecast":
                    options = options with { WithForecast = true };
                    break;
                case "--rests":
                    options = options with { WithRests = true };
                    break;
                case "--pages" or "--rounds" or "--resident" or "--data" or "--seed" or "--swap" or "--frames" or "--csv":
                    if (i + 1 == args.Length)
                    {
                        throw new ArgumentException($"{args[i]} needs a value.");
                    }

                    options = options.With(args[i], args[i + 1]);
                    i++;
                    break;
                case string unknown when unknown.StartsWith("--", StringComparison.Ordinal):
                    throw new ArgumentException($"{unknown} is no option.");
                default:
                    paths.Add(args[i]);
                    break;
            }
        }

        return options with { Groups = FileGroup.Find(paths, each), HasPaths = paths.Count > 0 };
    }

    /// <summary>The frames of a workload over so many bytes of data.</summary>
    public long ResidentFor(long dataBytes, int pageBytes) =>
        Math.Max(ResidentBytes ?? (dataBytes / 8), 64L * pageBytes) / pageBytes * pageBytes;

    private Options With(string name, string value) => name switch
    {
        "--pages" => this with { PageSizes = [.. value.Split(',').Select(PageSize)] },
        "--rounds" => this with { Rounds = Number(name, value, FewestRounds) },
        "--resident" => this with { ResidentBytes = Bytes(name, value) },
        "--data" => this with { DataBytes = Math.Max(Bytes(name, value), 1L << 20) },
        "--swap" => this with { SwapDirectory = Folder(name, value) },
        "--frames" => this with { Frames = [.. value.Split(',').Select(text => Number(name, text, Traces.Policies.FewestFrames))] },
        "--csv" => this with { CsvPath = value },
        _ => this with { Seed = Number(name, value, 0) },
    };

    private static string Folder(string name, string path) =>
        Directory.Exists(path) ? path : throw new ArgumentException($"{name}: {path} is no directory.");

    private static int PageSize(string text)
    {
        long bytes = Bytes("--pages", text);
        return bytes is >= 4 << 10 and <= 4 << 20 && long.IsPow2(bytes)
            ? (int)bytes
            : throw new ArgumentException($"--pages: {text} is not a power of two from 4K to 4M.");
    }

    private static int Number(string name, string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least
            ? number
            : throw new ArgumentException($"{name}: {text} is not a whole number of at least {least}.");

    private static long Bytes(string name, string text)
    {
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? text : text.AsSpan(0, text.Length - 1);
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? (long)number << shift
            : throw new ArgumentException($"{name}: {text} is not a size such as 4K, 64M or 1G.");
    }
}
