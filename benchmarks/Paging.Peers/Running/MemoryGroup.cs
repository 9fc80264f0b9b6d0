using System.Globalization;

namespace Paging.Peers.Running;

/// <summary>A memory cgroup, of version 1 or 2, that one process is put into.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string Root1 = "/sys/fs/cgroup/memory";
    private const string Root2 = "/sys/fs/cgroup";
    private readonly string _path;
    private readonly bool _isSecond;

    private MemoryGroup(string path, bool isSecond)
    {
        _path = path;
        _isSecond = isSecond;
    }

    /// <summary>What it holds now.</summary>
    public long UsedBytes => Read(_isSecond ? "memory.current" : "memory.usage_in_bytes");

    /// <summary>Processes that were killed because it was full.</summary>
    public bool HasKilled => File.ReadLines(Path.Combine(_path, _isSecond ? "memory.events" : "memory.oom_control"))
        .Any(line => line.StartsWith("oom_kill ", StringComparison.Ordinal) && line != "oom_kill 0");

    /// <param name="why">Why there is none, when null is returned.</param>
    public static MemoryGroup? TryCreate(string name, out string why)
    {
        bool isSecond = !File.Exists(Path.Combine(Root1, "memory.limit_in_bytes"));
        string root = isSecond ? Root2 : Root1;
        try
        {
            if (isSecond && !File.ReadAllText(Path.Combine(Root2, "cgroup.subtree_control")).Split(' ', '\n').Contains("memory"))
            {
                why = "the memory controller is not enabled below /sys/fs/cgroup";
                return null;
            }

            MemoryGroup group = new(Path.Combine(root, name), isSecond);
            Directory.CreateDirectory(group._path);
            why = "";
            return group;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            why = e.Message;
            return null;
        }
    }

    public void Add(int process) => Write("cgroup.procs", process);

    public void Limit(long bytes)
    {
        Write(_isSecond ? "memory.max" : "memory.limit_in_bytes", bytes);
    }

    /// <summary>Its processes must have ended; the kernel may take a moment to see that.</summary>
    public void Dispose()
    {
        for (int i = 0; i < 50 && Directory.Exists(_path); i++)
        {
            try
            {
                Directory.Delete(_path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Thread.Sleep(100);
            }
        }
    }

    private long Read(string name) => long.Parse(File.ReadAllText(Path.Combine(_path, name)), CultureInfo.InvariantCulture);

    private void Write(string name, long value)
    {
        File.WriteAllText(Path.Combine(_path, name), value.ToString(CultureInfo.InvariantCulture));
    }
}
