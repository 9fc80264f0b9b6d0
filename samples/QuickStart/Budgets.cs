using Paging;

namespace QuickStart;

/// <summary>How much memory the job may use: what was asked for, or a share of the data.</summary>
internal sealed record Budgets
{
    // A page size this large against the data would leave a share of it too few pages to work with.
    private const int FewestFrames = 16;
    private const int FewestPoolPages = 64;

    public required long ResidentBytes { get; init; }
    public required long PoolBytes { get; init; }
    public required int PageBytes { get; init; }
    public required int BackgroundThreads { get; init; }

    /// <summary>False when the pool was asked for: then it is a promise, and not a guess that may be corrected.</summary>
    public required bool MayGrowPool { get; init; }

    public static Budgets Choose(Options options, long dataBytes) => new()
    {
        ResidentBytes = options.ResidentBytes ?? Math.Max(dataBytes / 8, FewestFrames * (long)options.PageBytes),
        // Programs shrink to about six tenths under LZ4, and a pool that is nearly full spends its time on cleaning.
        PoolBytes = options.PoolBytes ?? Math.Max(dataBytes / 4 * 3, FewestPoolPages * (long)options.PageBytes),
        PageBytes = options.PageBytes,
        BackgroundThreads = options.BackgroundThreads,
        MayGrowPool = options.PoolBytes is null,
    };

    /// <summary>The one place where budgets become a pager.</summary>
    public Pager CreatePager()
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
