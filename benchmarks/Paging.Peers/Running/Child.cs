using System.Diagnostics;
using System.Globalization;
using Paging.Peers.Data;
using Paging.Peers.Peers;

namespace Paging.Peers.Running;

/// <summary>A peer could not go on: it is left out from here on, and why is said.</summary>
internal sealed class PeerFailedException(string message) : Exception(message);

/// <summary>The parent's end of a <see cref="Worker"/>.</summary>
internal sealed class Child : IDisposable
{
    /// <summary>What a process may take beside its peer's memory: code that is compiled later, the collector's slack, stacks, buffers.</summary>
    public const long SlackBytes = 32 << 20;

    private const string Gen0Bytes = "400000"; // hexadecimal: 4 MiB
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private readonly Process _process;
    private readonly MemoryGroup? _group;
    private long _mostBytes;

    private Child(Process process, MemoryGroup? group)
    {
        _process = process;
        _group = group;
    }

    /// <summary>What the process took before it opened anything, when it is in a cgroup.</summary>
    public long BaseBytes { get; private set; }

    /// <summary>Starts a worker. In a cgroup, if it is to be limited and there can be one: for what it takes now, the memory, and some
    /// slack.</summary>
    /// <exception cref="PeerFailedException">It did not start.</exception>
    /// <param name="moreBytes">What it will allocate for other ends.</param>
    public static Child Start(string key, PeerContext context, int seed, bool isLimited, long moreBytes = 0)
    {
        MemoryGroup? group = isLimited ? MemoryGroup.TryCreate(out _) : null;
        ProcessStartInfo start = new(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (string argument in (string[])[.. Host(), "worker", key, context.Directory, context.RowFile,
            context.Rows.ToString(CultureInfo.InvariantCulture), context.MemoryBytes.ToString(CultureInfo.InvariantCulture),
            seed.ToString(CultureInfo.InvariantCulture)])
        {
            start.ArgumentList.Add(argument);
        }

        // The collector knows the machine's memory, not the cgroup's: its youngest generation may not be larger than what is left for it.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_GCgen0size"] = Gen0Bytes;
        start.Environment["DOTNET_GCgen0MaxBudget"] = Gen0Bytes;

        // glibc gives each thread a heap of its own, and what one has freed of RocksDB's cache is of no use to another.
        start.Environment["MALLOC_ARENA_MAX"] = "1";
        Child child = new(Process.Start(start)!, group);
        Leftovers.Remember(child, child.Kill);
        try
        {
            group?.Add(child._process.Id);
            _ = child.Receive("start");
            if (group is not null)
            {
                child.BaseBytes = group.UsedBytes;
                child._mostBytes = child.BaseBytes + context.MemoryBytes + SlackBytes + moreBytes;
                group.MaySwap(false);
                group.Limit(child._mostBytes);
            }

            return child;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PeerFailedException)
        {
            child.Dispose();
            throw e as PeerFailedException ?? new PeerFailedException($"start: {e.Message}");
        }
    }

    /// <summary>From here on it may swap, and what that takes of memory is taken off what it has.</summary>
    /// <param name="takenBytes">What the kernel will take for what it has swapped out.</param>
    public void LetSwap(long takenBytes)
    {
        try
        {
            _group!.MaySwap(true);
            _group.Limit(_mostBytes - takenBytes);
        }
        catch (IOException e)
        {
            // The kernel refuses a limit that it cannot bring the group down to.
            throw new PeerFailedException($"{takenBytes >> 20:n0} MiB are swapped out, and it does not fit beside them: {e.Message}");
        }
    }

    /// <summary>The words of the answer.</summary>
    /// <exception cref="DataMismatchException">The worker read what it should not have.</exception>
    /// <exception cref="PeerFailedException">It could not, or is no more.</exception>
    public string[] Ask(string command)
    {
        Tell(command);
        return Receive(command);
    }

    /// <summary>Begins what <see cref="Receive"/> ends; in between, others can work as well.</summary>
    public void Tell(string command)
    {
        try
        {
            _process.StandardInput.WriteLine(command);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            throw new PeerFailedException(Death(command));
        }
    }

    /// <summary>Rows a second.</summary>
    public double AskRate(string command)
    {
        string[] words = Ask(command);
        return long.Parse(words[0], CultureInfo.InvariantCulture) / double.Parse(words[1], CultureInfo.InvariantCulture);
    }

    /// <summary>What it takes, and what it says of itself.</summary>
    public (MemoryUse Memory, string State) AskMemory()
    {
        string[] words = Ask("memory");
        return (MemoryUse.Parse(words), string.Join(' ', words[3..]));
    }

    public void Dispose()
    {
        Leftovers.Forget(this);
        try
        {
            _process.StandardInput.WriteLine("quit");
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended.
        }

        if (!_process.WaitForExit(s_patience))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _group?.Dispose();
    }

    private void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>When it is the runtime's host that runs, it wants to know what.</summary>
    private static IEnumerable<string> Host() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Child).Assembly.Location] : [];

    /// <summary>The answer to what it was told.</summary>
    public string[] Receive(string command)
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync();
        if (!line.Wait(s_patience))
        {
            Leftovers.StayIfOver();
            _process.Kill();
            throw new PeerFailedException($"{command}: no answer within {s_patience.TotalMinutes} minutes");
        }

        string[] words = (line.Result ?? throw new PeerFailedException(Death(command))).Split(' ');
        return words[0] switch
        {
            "ok" => words[1..],
            "mismatch" => throw new DataMismatchException(string.Join(' ', words[1..])),
            _ => throw new PeerFailedException($"{command}: {string.Join(' ', words[1..])}"),
        };
    }

    private string Death(string command)
    {
        Leftovers.StayIfOver();
        _process.WaitForExit(5000);
        return _group?.HasKilled == true
            ? $"{command}: killed, its memory was full"
            : $"{command}: its process ended{(_process.HasExited ? $" with {_process.ExitCode}" : "")}";
    }
}
