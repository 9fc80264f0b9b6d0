namespace Embeddings;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage =
        """
        usage: Embeddings [options]

        Builds a table of embeddings that is larger than its memory budget, saves it as a Zarr v3 dataset, opens
        that again, and looks for the nearest neighbours of some queries: in all rows, and in the few cells of an
        inverted list (IVF). Verifies every row, and every neighbour against the same search in a plain array.

          --rows N          rows of the table, which are made from the seed  (default: as many as take 256 MiB)
          --columns N       elements in a row                                (default: 384)
          --npy FILE        your own vectors instead: float32, C order
          --resident SIZE   bytes of frames, ready to be touched             (default: 32M)
          --pool SIZE       most bytes that the compressed pool holds        (default: 64M)
          --queries N       queries                                          (default: 32)
          --cells N         cells of the inverted list                       (default: 256)
          --probes N        cells that a query looks into                    (default: 4)
          --dataset FOLDER  where the dataset goes and stays                 (default: a temporary folder)
          --seed N          makes the same choices again                     (default: 1)
          --help            this text

        SIZE is a number of bytes, or one with K, M, G or T: 64K, 16M, 1.5G.
        Exits with 0 when all results are verified, 1 when one differs, 2 when the input cannot be used.

        """;

    private const long DefaultBytes = 256 << 20;

    public int Columns { get; private set; } = 384;
    public int Rows { get; private set; }
    public string? NpyPath { get; private set; }
    public long ResidentBytes { get; private set; } = 32 << 20;
    public long PoolBytes { get; private set; } = 64 << 20;
    public int Queries { get; private set; } = 32;
    public int Cells { get; private set; } = 256;
    public int Probes { get; private set; } = 4;
    public string? DatasetFolder { get; private set; }
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
                case "--rows":
                    options.Rows = line.Number(1, int.MaxValue);
                    break;
                case "--columns":
                    options.Columns = line.Number(1, 1 << 20);
                    break;
                case "--npy":
                    options.NpyPath = line.Text();
                    break;
                case "--resident":
                    options.ResidentBytes = line.Size();
                    break;
                case "--pool":
                    options.PoolBytes = line.Size();
                    break;
                case "--queries":
                    options.Queries = line.Number(1, 10_000);
                    break;
                case "--cells":
                    options.Cells = line.Number(1, 65_536);
                    break;
                case "--probes":
                    options.Probes = line.Number(1, 65_536);
                    break;
                case "--dataset":
                    options.DatasetFolder = line.Text();
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

        if (options.Rows == 0)
            options.Rows = (int)Math.Max(1, DefaultBytes / (options.Columns * sizeof(float)));
        return options;
    }
}
