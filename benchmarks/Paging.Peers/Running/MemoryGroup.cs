using System.Globalization;

namespace Paging.Peers.Running;

/// <summary>A memory cgroup, of version 1 or 2, that one process is put into.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string Root1 = "/sys/fs/cgroup/memory";
    private const string Root2 = "/sys/fs/cgroup";
    private const string Prefix = "paging-peers-"; // then the number of the process, and one of its groups
    private static int s_count;
    private readonly string _path;
    private readonly bool _isSecond;

    private MemoryGroup(string path, bool isSecond)
    {
        _path = path;
        _isSecond = isSecond;
    }

    /// <summary>What it holds now.</summary>
    public long UsedBytes => Read(_isSecond ? "memory.current" : "memory.usage_in_bytes");

    /// <summary>Whether a process was killed because it was full.</summary>
    public bool HasKilled => Directory.Exists(_path) && File.ReadLines(Path.Combine(_path, _isSecond ? "memory.events" : "memory.oom_control"))
        .Any(line => line.StartsWith("oom_kill ", StringComparison.Ordinal) && line != "oom_kill 0");

    /// <param name="why">Why there is none, when null is returned.</param>
    public static MemoryGroup? TryCreate(out string why)
    {
        string name = Prefix + string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{s_count++}");
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
            Leftovers.Remember(group, group.Remove);
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

    /// <summary>Whether its memory may be swapped out. What one peer has turned on is on for the whole machine, and is not meant for the
    /// others.</summary>
    public void MaySwap(bool may)
    {
        if (!_isSecond)
        {
            Write("memory.swappiness", may ? 100 : 0);
        }
        else if (File.Exists(Path.Combine(_path, "memory.swap.max")))
        {
            File.WriteAllText(Path.Combine(_path, "memory.swap.max"), may ? "max" : "0");
        }
    }

    /// <summary>Removes groups that runs have left which were killed.</summary>
    public static void RemoveOrphans()
    {
        foreach (string root in (string[])[Root1, Root2])
        {
            foreach (string path in Directory.Exists(root) ? Directory.GetDirectories(root, Prefix + "*") : [])
            {
                string process = Path.GetFileName(path)[Prefix.Length..].Split('-')[0];
                if (!Directory.Exists(Path.Combine("/proc", process)))
                {
                    try
                    {
                        Directory.Delete(path);
                    }
                    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                    {
                        // It is not ours to remove, or a process is still in it.
                    }
                }
            }
        }
    }

    public void Dispose()
    {
        Leftovers.Forget(this);
        Remove();
    }

    /// <summary>Its processes must have ended; the kernel may take a moment to see that.</summary>
    private void Remove()
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
