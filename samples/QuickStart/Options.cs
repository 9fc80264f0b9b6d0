using System.Globalization;

namespace QuickStart;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    private const int SmallestPage = 4 << 10;
    private const int LargestPage = 4 << 20;

    public const string Usage =
        """
        usage: QuickStart [options] [FILE or FOLDER ...]

        Holds the files in a PagedArray<byte> under a memory budget, reads them back at random and in order,
        writes at random places, and verifies every byte with XXH3. Then reads the same data through a
        MemoryMappedFile. Without files it takes those of the .NET shared framework that runs it.

          --resident SIZE   bytes of frames, ready to be touched      (default: an eighth of the data)
          --pool SIZE       most bytes that the compressed pool holds (default: three quarters of the data;
                            more when the data does not compress that far)
          --page SIZE       page size, a power of two from 4K to 4M   (default: 16K)
          --threads N       threads that read and write               (default: 2)
          --background N    threads that reclaim in the background    (default: 1)
          --swap PATH       a swap file behind the pool: a directory, or a name that does not exist yet
          --swap-size SIZE  its size                                  (default: the data, and a quarter more)
          --encrypt         encrypt what goes into it
          --seed N          makes the same random choices again       (default: 1)
          --help            this text

        With --swap, frames and pool are an eighth of the data together by default: a twenty-fourth and a twelfth.
        SIZE is a number of bytes, or one with K, M, G or T: 64K, 16M, 1.5G.
        Exits with 0 when all bytes are verified, 1 when a byte differs, 2 when the input cannot be used.

        """;

    public IReadOnlyList<string> Paths { get; private init; } = [];
    public long? ResidentBytes { get; private init; }
    public long? PoolBytes { get; private init; }
    public int PageBytes { get; private init; } = 16 << 10;
    public int Threads { get; private init; } = 2;
    public int BackgroundThreads { get; private init; } = 1;
    public int Seed { get; private init; } = 1;
    public string? SwapPath { get; private init; }
    public long? SwapBytes { get; private init; }
    public bool Encrypt { get; private init; }
    public bool ShowHelp { get; private init; }

    public static Options Parse(IReadOnlyList<string> args)
    {
        Options options = new();
        List<string> paths = [];
        bool onlyPaths = false;

        for (int i = 0; i < args.Count; i++)
        {
            string arg = args[i];
            if (onlyPaths || !arg.StartsWith('-'))
            {
                paths.Add(arg);
                continue;
            }

            int equals = arg.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? arg : arg[..equals];

            // Both "--page 64K" and "--page=64K".
            string Value()
            {
                if (equals >= 0)
                    return arg[(equals + 1)..];
                return ++i < args.Count ? args[i] : throw new InputException($"{name} needs a value; see --help");
            }

            switch (name)
            {
                case "--":
                    onlyPaths = true;
                    break;
                case "--help" or "-h":
                    return options with { ShowHelp = true };
                case "--resident":
                    options = options with { ResidentBytes = Size(name, Value()) };
                    break;
                case "--pool":
                    options = options with { PoolBytes = Size(name, Value()) };
                    break;
                case "--page":
                    options = options with { PageBytes = Page(name, Value()) };
                    break;
                case "--threads":
                    options = options with { Threads = Number(name, Value(), 1, 256) };
                    break;
                case "--background":
                    options = options with { BackgroundThreads = Number(name, Value(), 0, 64) };
                    break;
                case "--seed":
                    options = options with { Seed = Number(name, Value(), 0, int.MaxValue) };
                    break;
                case "--swap":
                    options = options with { SwapPath = Value() };
                    break;
                case "--swap-size":
                    options = options with { SwapBytes = Size(name, Value()) };
                    break;
                case "--encrypt":
                    options = options with { Encrypt = true };
                    break;
                default:
                    throw new InputException($"unknown option '{name}'; see --help");
            }
        }

        return options.SwapPath is null && (options.SwapBytes is not null || options.Encrypt)
            ? throw new InputException("--swap-size and --encrypt are about a swap file; pass --swap PATH too")
            : options with { Paths = paths };
    }

    private static long Size(string name, string text) =>
        Sizes.TryParse(text, out long bytes) && bytes > 0
            ? bytes
            : throw new InputException($"{name}: '{text}' is not a size; pass a number such as 64K, 16M or 1.5G");

    private static int Page(string name, string text) =>
        Size(name, text) is >= SmallestPage and <= LargestPage and long bytes && long.IsPow2(bytes)
            ? (int)bytes
            : throw new InputException($"{name}: '{text}' is not a page size; pass a power of two from 4K to 4M");

    private static int Number(string name, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new InputException($"{name}: '{text}' is not a whole number from {least} to {most}");
}
