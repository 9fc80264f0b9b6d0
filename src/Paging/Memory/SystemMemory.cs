namespace Paging.Memory;

/// <summary>What the process's cgroups, from its own up to the root, and the system tell of memory: the least that any of them has
/// left.</summary>
/// <remarks>Of a cgroup, what its files hold and nobody has used lately counts as left, as in MemAvailable: the system drops it first. Where
/// neither is to be read, the garbage collector is asked. Not thread-safe.</remarks>
/// <param name="root">Where the file system of the system begins: "/", or a directory of a test.</param>
/// <param name="withCollector">Whether the garbage collector is asked when nothing else is known.</param>
internal sealed class SystemMemory(string root = "/", bool withCollector = true) : IMemorySource
{
    /// <summary>Cgroups that are looked at on the way up, at most.</summary>
    private const int MaxDepth = 64;

    private static readonly string[] s_mounts2 = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
    private const string Mount1 = "sys/fs/cgroup/memory";

    private readonly byte[] _buffer = new byte[MemoryFiles.MaxBytes];
    private long _left;
    private long _total;
    private double _pressure;

    public bool TryRead(out MemoryReading reading)
    {
        (_left, _total, _pressure) = (long.MaxValue, 0, 0);
        ReadSystem();
        string? own2 = MemoryFiles.Cgroup(Contents("proc/self/cgroup"), controller: null);
        string? own1 = MemoryFiles.Cgroup(Contents("proc/self/cgroup"), "memory");
        foreach (string mount in s_mounts2)
        {
            Walk(mount, own2, isVersion1: false);
        }

        Walk(Mount1, own1, isVersion1: true);
        if (_left == long.MaxValue && withCollector)
        {
            GCMemoryInfo info = GC.GetGCMemoryInfo();
            Note(info.TotalAvailableMemoryBytes, info.MemoryLoadBytes);
        }

        reading = new MemoryReading(_left, _total, _pressure);
        return _left != long.MaxValue;
    }

    private void ReadSystem()
    {
        ReadOnlySpan<byte> text = Contents("proc/meminfo");
        if (MemoryFiles.Field(text, "MemAvailable"u8) is { } left && MemoryFiles.Field(text, "MemTotal"u8) is { } total)
        {
            Note(total, total - left);
        }

        NotePressure("proc/pressure/memory");
    }

    private void Walk(string mount, string? own, bool isVersion1)
    {
        // Inside a container the mount may show its own cgroup as the root: then the path leads nowhere, and the root is what there is.
        for (int depth = 0; own is not null && depth < MaxDepth; depth++)
        {
            string directory = mount + own;
            if (isVersion1)
            {
                ReadCgroup(directory, "memory.limit_in_bytes", null, "memory.usage_in_bytes", "total_inactive_file"u8);
            }
            else
            {
                ReadCgroup(directory, "memory.max", "memory.high", "memory.current", "inactive_file"u8);
                NotePressure(directory + "/memory.pressure");
            }

            own = own.Length == 0 ? null : own[..own.LastIndexOf('/')];
        }
    }

    private void ReadCgroup(string directory, string max, string? high, string usage, ReadOnlySpan<byte> cache)
    {
        long limit = MemoryFiles.Number(Contents($"{directory}/{max}")) ?? long.MaxValue;
        if (high is not null)
        {
            limit = Math.Min(limit, MemoryFiles.Number(Contents($"{directory}/{high}")) ?? long.MaxValue);
        }

        if (limit != long.MaxValue && MemoryFiles.Number(Contents($"{directory}/{usage}")) is { } used and not long.MaxValue)
        {
            long cached = MemoryFiles.Field(Contents($"{directory}/memory.stat"), cache) ?? 0;
            Note(limit, Math.Max(0, used - cached));
        }
    }

    private void Note(long total, long used)
    {
        long left = Math.Max(0, total - used);
        if (left < _left)
        {
            (_left, _total) = (left, total);
        }
    }

    private void NotePressure(string path) => _pressure = Math.Max(_pressure, MemoryFiles.Pressure(Contents(path)) ?? 0);

    /// <summary>The beginning of a file; nothing when it cannot be read. Valid until the next call.</summary>
    private ReadOnlySpan<byte> Contents(string path)
    {
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(Path.Combine(root, path));
            int length = 0;
            int read;
            while (length < _buffer.Length && (read = RandomAccess.Read(file, _buffer.AsSpan(length), length)) > 0)
            {
                length += read;
            }

            return _buffer.AsSpan(0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return [];
        }
    }
}
