using System.Globalization;

namespace Paging.Stress.Driver;

/// <summary>One configuration of the stress program.</summary>
internal sealed record StressOptions
{
    public long Operations { get; init; } = 10_000_000;

    public int Threads { get; init; } = 4;

    public ulong Seed { get; init; }

    public int BackgroundThreads { get; init; } = 1;

    /// <summary>Bytes of a page; 0 gives the four arrays pages of 4, 16, 8 and 4 KiB.</summary>
    public int PageBytes { get; init; }

    public long ResidentBytes { get; init; }

    public long PoolBytes { get; init; }

    /// <summary>Bytes of the arrays, in hundredths of the pool's. About six tenths of that is what they shrink to.</summary>
    public int DataPercent { get; init; } = 180;

    /// <summary>How long no thread may finish an operation before the run is called hung. No measure of speed.</summary>
    public TimeSpan Watchdog { get; init; } = TimeSpan.FromMinutes(3);

    public int PageBytesOf(int array) =>
        PageBytes != 0 ? PageBytes : array switch { 0 or 3 => 4 << 10, 1 => 16 << 10, _ => 8 << 10 };

    public int LargestPageBytes => PageBytes != 0 ? PageBytes : 16 << 10;

    /// <summary>32 frames, and a pool that the data outgrow.</summary>
    public static StressOptions Of(int pageBytes, int backgroundThreads)
    {
        var options = new StressOptions { PageBytes = pageBytes, BackgroundThreads = backgroundThreads };
        return options with
        {
            ResidentBytes = 32L * options.LargestPageBytes,
            PoolBytes = Math.Max(2L << 20, 512L * options.LargestPageBytes),
        };
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"--ops {Operations} --threads {Threads} --seed {Seed} --background {BackgroundThreads} --resident {ResidentBytes} --pool {PoolBytes} --page {PageBytes} --data {DataPercent}");
}
