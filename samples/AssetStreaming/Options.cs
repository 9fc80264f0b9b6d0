namespace AssetStreaming;

/// <summary>What the command line asks for.</summary>
internal sealed class Options
{
    public const string Usage =
        """
        usage: AssetStreaming [options]

        Flies a camera over a world of textures and meshes that is several times larger than the memory budget, at 60
        frames a second: once with reads that wait for pages, and once with a prefetcher ahead of the camera and reads
        that never wait. Verifies every page that is drawn, and plots the frame times.

          --world FOLDER    where the world is, or is made and stays    (default: a temporary folder)
          --tiles N         tiles along each side of the world, 12-64   (default: 16, which take 352 MiB)
          --resident SIZE   bytes of frames, ready to be touched        (default: 32M)
          --pool SIZE       most bytes that the compressed pool holds   (default: 32M)
          --frames N        pictures in each of the two flights         (default: 480)
          --plot FILE       the frame times as PNG                      (default: frame-times.png)
          --seed N          makes the same world and the same flight    (default: 1)
          --help            this text

        SIZE is a number of bytes, or one with K, M, G or T: 64K, 16M, 1.5G.
        Exits with 0 when all pages are verified, 1 when one differs, 2 when the input cannot be used.

        """;

    public string? WorldFolder { get; private set; }
    public int Tiles { get; private set; } = 16;
    public long ResidentBytes { get; private set; } = 32 << 20;
    public long PoolBytes { get; private set; } = 32 << 20;
    public int Frames { get; private set; } = 480;
    public string PlotPath { get; private set; } = "frame-times.png";
    public int Seed { get; private set; } = 1;
    public bool ShowHelp { get; private set; }

    public static Options Parse(string[] args)
    {
        Options options = new();
        CommandLine line = new(args);
        while (line.Next() is { } name)
        {
            switch (name)
            {
                case "--world":
                    options.WorldFolder = line.Text();
                    break;
                case "--tiles":
                    options.Tiles = line.Number(12, 64);
                    break;
                case "--resident":
                    options.ResidentBytes = line.Size();
                    break;
                case "--pool":
                    options.PoolBytes = line.Size();
                    break;
                case "--frames":
                    options.Frames = line.Number(2, 100_000);
                    break;
                case "--plot":
                    options.PlotPath = line.Text();
                    break;
                case "--seed":
                    options.Seed = line.Number(0, int.MaxValue);
                    break;
                case "--help" or "-h":
                    options.ShowHelp = true;
                    return options;
                default:
                    throw line.Unknown();
            }
        }

        return options;
    }
}
