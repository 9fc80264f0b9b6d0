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

    /// <summary>Swap files, in the directory for temporary files. All but the first have a lower priority than it.</summary>
    public int Files { get; init; }

    /// <summary>Of each swap file.</summary>
    public long FileBytes { get; init; }

    public bool Encrypt { get; init; }

    /// <summary>Whether files come and go all the time: one more is added, and the oldest one removed.</summary>
    public bool Removals { get; init; }

    /// <summary>Whether the threads are interrupted at random all the time. No call may be cut short by that.</summary>
    public bool Interrupts { get; init; }

    /// <summary>Whether the budgets move all the time: between a quarter and all of the frames, and a third and all of the pool.</summary>
    public bool Resizes { get; init; }

    /// <summary>How long pages are left alone before they are compressed again: so short that it happens all the time.</summary>
    public TimeSpan ColdAfter { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Bytes that the pager may always hold in its pool and its files.</summary>
    public long StorageBytes => (Resizes ? PoolBytes / 3 : PoolBytes) + Files * FileBytes;

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

    /// <summary>A pool of a quarter of the data that the files have to take.</summary>
    public StressOptions WithFiles(int files, bool encrypt = false) => this with
    {
        Files = files,
        FileBytes = 4 * PoolBytes / files / 4096 * 4096,
        Encrypt = encrypt,
        DataPercent = 5 * DataPercent,
    };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"--ops {Operations} --threads {Threads} --seed {Seed} --background {BackgroundThreads} " +
        $"--resident {ResidentBytes} --pool {PoolBytes} --page {PageBytes} --data {DataPercent}" +
        $"{(Files == 0 ? "" : $" --files {Files} --file {FileBytes}")}" +
        $"{(Encrypt ? " --encrypt 1" : "")}{(Removals ? " --removals 1" : "")}" +
        $"{(Interrupts ? " --interrupts 1" : "")}{(Resizes ? " --resizes 1" : "")}");
}
