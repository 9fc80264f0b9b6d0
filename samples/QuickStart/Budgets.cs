using Paging;

namespace QuickStart;

/// <summary>How much memory the job may use: what was asked for, or a share of the data.</summary>
internal sealed record Budgets
{
    // A page size this large against the data would leave a share of it too few pages to work with.
    private const int FewestFrames = 16;
    private const int FewestPoolPages = 64;

    // What a swap file's size is rounded up to.
    private const long SwapUnit = 1 << 20;

    public required long ResidentBytes { get; init; }
    public required long PoolBytes { get; init; }
    public required int PageBytes { get; init; }
    public required int BackgroundThreads { get; init; }

    /// <summary>False when the pool was asked for: then it is a promise, and not a guess that may be corrected.</summary>
    public required bool MayGrowPool { get; init; }

    /// <summary>Where what does not fit into the pool goes; null for nowhere.</summary>
    public SwapFileOptions? SwapFile { get; init; }

    public static Budgets Choose(Options options, long dataBytes) => new()
    {
        ResidentBytes = options.ResidentBytes
            ?? Math.Max(dataBytes / (options.SwapPath is null ? 8 : 24), FewestFrames * (long)options.PageBytes),
        // Programs shrink to about six tenths under LZ4, and a pool that is nearly full spends its time on cleaning. With a
        // swap file behind it the pool need hold the warmest pages only.
        PoolBytes = options.PoolBytes
            ?? Math.Max(options.SwapPath is null ? dataBytes / 4 * 3 : dataBytes / 12, FewestPoolPages * (long)options.PageBytes),
        PageBytes = options.PageBytes,
        BackgroundThreads = options.BackgroundThreads,
        MayGrowPool = options.PoolBytes is null && options.SwapPath is null,
        SwapFile = options.SwapPath is null
            ? null
            : new SwapFileOptions
            {
                Path = options.SwapPath,
                Bytes = options.SwapBytes ?? ((dataBytes / 4 * 5 / SwapUnit) + 8) * SwapUnit,
                Encrypt = options.Encrypt,
            },
    };

    /// <summary>The one place where budgets become a pager, and a path a swap file.</summary>
    public Pager CreatePager(out SwapFile? swapFile)
    {
        Pager pager = CreatePager();
        try
        {
            // PagerOptions.SwapFiles would do it too; this way it is known which figures are whose.
            swapFile = SwapFile is null ? null : pager.AddSwapFile(SwapFile);
            return pager;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or PlatformNotSupportedException)
        {
            pager.Dispose();
            string reason = e.Message.Split(" (Parameter")[0].ReplaceLineEndings(" ");
            throw new InputException($"cannot use --swap {SwapFile!.Path} --swap-size {SwapFile.Bytes}: {reason}", e);
        }
    }

    private Pager CreatePager()
    {
        try
        {
            return new Pager(new PagerOptions
            {
                ResidentBytes = ResidentBytes,
                PoolBytes = PoolBytes,
                PageBytes = PageBytes,
                BackgroundThreads = BackgroundThreads,
            });
        }
        catch (ArgumentOutOfRangeException e)
        {
            // The name of the property that .NET appends says nothing to who passes options.
            string reason = e.Message.Split(" (Parameter")[0];
            throw new InputException($"cannot work with --resident {ResidentBytes} --pool {PoolBytes} --page {PageBytes}: {reason}", e);
        }
        catch (OutOfMemoryException e)
        {
            throw new InputException(
                $"this machine cannot give {Sizes.Format(ResidentBytes)} of frames and {Sizes.Format(PoolBytes)} of pool: {e.Message}", e);
        }
    }
}
