namespace QuickStart;

/// <summary>What the command line asks for.</summary>
internal sealed class Options
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

    public List<string> Paths { get; } = [];
    public long? ResidentBytes { get; private set; }
    public long? PoolBytes { get; private set; }
    public int PageBytes { get; private set; } = 16 << 10;
    public int Threads { get; private set; } = 2;
    public int BackgroundThreads { get; private set; } = 1;
    public int Seed { get; private set; } = 1;
    public string? SwapPath { get; private set; }
    public long? SwapBytes { get; private set; }
    public bool Encrypt { get; private set; }
    public bool ShowHelp { get; private set; }

    public static Options Parse(string[] args)
    {
        Options options = new();
        CommandLine line = new(args);
        while (line.Next() is { } name)
        {
            switch (name)
            {
                case "--resident":
                    options.ResidentBytes = line.Size();
                    break;
                case "--pool":
                    options.PoolBytes = line.Size();
                    break;
                case "--page":
                    options.PageBytes = Page(line.Size());
                    break;
                case "--threads":
                    options.Threads = line.Number(1, 256);
                    break;
                case "--background":
                    options.BackgroundThreads = line.Number(0, 64);
                    break;
                case "--seed":
                    options.Seed = line.Number(0, int.MaxValue);
                    break;
                case "--swap":
                    options.SwapPath = line.Text();
                    break;
                case "--swap-size":
                    options.SwapBytes = line.Size();
                    break;
                case "--encrypt":
                    options.Encrypt = true;
                    break;
                case "--help" or "-h":
                    options.ShowHelp = true;
                    return options;
                case "--":
                    options.Paths.AddRange(line.Rest());
                    break;
                case ['-', ..]:
                    throw line.Unknown();
                default:
                    options.Paths.Add(name);
                    break;
            }
        }

        return options.SwapPath is null && (options.SwapBytes is not null || options.Encrypt)
            ? throw new InputException("--swap-size and --encrypt are about a swap file; pass --swap PATH too")
            : options;
    }

    private static int Page(long bytes) => bytes is >= SmallestPage and <= LargestPage && long.IsPow2(bytes)
        ? (int)bytes
        : throw new InputException($"--page: {Sizes.Format(bytes)} is not a page size; pass a power of two from 4K to 4M");
}
