namespace Paging.Peers.Running;

/// <summary>The directory that a run works in. Nobody else may: what two runs made there would be neither's.</summary>
/// <remarks>Its lock is one of the kernel's, which ends with the process however that ends. So a temporary directory whose lock can be had
/// is one that a killed run has left, whatever container that ran in.</remarks>
internal sealed class Place : IDisposable
{
    private const string Prefix = "paging-peers-";
    private const string LockName = "lock";
    private readonly FileStream _lock;
    private readonly bool _isTemporary;

    private Place(string path, FileStream @lock, bool isTemporary)
    {
        Path = path;
        _lock = @lock;
        _isTemporary = isTemporary;
        Leftovers.Remember(this, Remove);
    }

    public string Path { get; }

    /// <param name="path">Null: a temporary one, which goes with the run.</param>
    /// <exception cref="IOException">Another run is there.</exception>
    public static Place Take(string? path)
    {
        if (path is null)
        {
            path = Directory.CreateTempSubdirectory(Prefix).FullName;
            string unnamed = System.IO.Path.Combine(path, "new-" + LockName);
            FileStream @new = Lock(unnamed);

            // It has its name once it is held: whoever looks for what was left never finds one that is not held yet.
            File.Move(unnamed, System.IO.Path.Combine(path, LockName));
            return new Place(path, @new, isTemporary: true);
        }

        Directory.CreateDirectory(path);
        try
        {
            return new Place(path, Lock(System.IO.Path.Combine(path, LockName)), isTemporary: false);
        }
        catch (IOException e)
        {
            throw new IOException($"{path}: another run is there, or it cannot be locked: {e.Message}", e);
        }
    }

    /// <summary>Removes temporary directories that runs have left which were killed.</summary>
    public static void RemoveOrphans()
    {
        foreach (string path in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*"))
        {
            try
            {
                string name = System.IO.Path.Combine(path, LockName);
                if (File.Exists(name))
                {
                    using FileStream held = new(name, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                    Directory.Delete(path, recursive: true);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A run is there, or it is not ours to remove.
            }
        }
    }

    public void Dispose()
    {
        Leftovers.Forget(this);
        Remove();
    }

    private static FileStream Lock(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private void Remove()
    {
        if (_isTemporary)
        {
            Directory.Delete(Path, recursive: true);
        }

        _lock.Dispose();
    }
}
