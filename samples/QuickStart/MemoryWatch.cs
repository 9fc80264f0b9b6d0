namespace QuickStart;

/// <summary>Watches how much memory the process has, as the system counts it, and the page faults that it takes.</summary>
internal sealed class MemoryWatch
{
    private readonly long _start;
    private readonly (long Minor, long Major)? _faultsAtStart;
    private long _peak;

    public MemoryWatch()
    {
        // What an earlier job left behind would otherwise be freed during this one, and be counted as its gain.
        GC.Collect();
        _start = _peak = Environment.WorkingSet;
        _faultsAtStart = ReadFaults();
    }

    /// <summary>The largest growth seen by any <see cref="Sample"/>: samples are a tenth of a second apart, so
    /// that a shorter peak may be missed.</summary>
    public long PeakGrowth => _peak - _start;

    /// <summary>Growth as of now.</summary>
    public long Growth => Environment.WorkingSet - _start;

    /// <summary>Faults of the whole process since the start; major ones waited for a device. Null where the system does
    /// not say.</summary>
    public (long Minor, long Major)? Faults =>
        _faultsAtStart is var (minor, major) && ReadFaults() is var (minorNow, majorNow) ? (minorNow - minor, majorNow - major) : null;

    public void Sample() => _peak = Math.Max(_peak, Environment.WorkingSet);

    private static (long Minor, long Major)? ReadFaults()
    {
        if (!OperatingSystem.IsLinux())
            return null;

        // proc_pid_stat(5): the second field is the program's name in brackets, which may contain anything; after it,
        // minflt is the eighth and majflt the tenth.
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[7], null), long.Parse(fields[9], null));
    }
}
