using System.Globalization;
using System.Runtime.InteropServices;

namespace Paging.Peers.Running;

/// <summary>What a peer holds in memory: bytes.</summary>
/// <param name="Anonymous">Of the process, not of files (RssAnon).</param>
/// <param name="Resident">Of the process in all (VmRSS); what it has mapped of files is in the page cache as well.</param>
/// <param name="PageCache">Of its files in the page cache; -1 where the kernel does not say (cachestat is of Linux 6.5).</param>
internal readonly partial record struct MemoryUse(long Anonymous, long Resident, long PageCache)
{
    private const int CacheStat = 451;

    public static MemoryUse Read(string directory)
    {
        string[] status = File.ReadAllLines("/proc/self/status");
        return new MemoryUse(Field(status, "RssAnon:"), Field(status, "VmRSS:"), Cached(directory));
    }

    public static MemoryUse Parse(ReadOnlySpan<string> words) => new(
        long.Parse(words[0], CultureInfo.InvariantCulture),
        long.Parse(words[1], CultureInfo.InvariantCulture),
        long.Parse(words[2], CultureInfo.InvariantCulture));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Anonymous} {Resident} {PageCache}");

    private static long Field(string[] status, string name)
    {
        string line = status.Single(l => l.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) << 10;
    }

    private static long Cached(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return 0;
        }

        long pages = 0;
        foreach (string path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Range all = new(0, 0);
            if (Ask(CacheStat, (int)file.SafeFileHandle.DangerousGetHandle(), in all, out Counts counts, 0) != 0)
            {
                return -1;
            }

            pages += (long)counts.Cached;
        }

        return pages * Environment.SystemPageSize;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Ask(nint number, int file, in Range range, out Counts counts, uint flags);

    /// <summary>struct cachestat_range: a length of 0 is all of the file.</summary>
    private readonly record struct Range(ulong Offset, ulong Length);

    /// <summary>struct cachestat.</summary>
    private readonly record struct Counts(ulong Cached, ulong Dirty, ulong Writeback, ulong Evicted, ulong RecentlyEvicted);
}
