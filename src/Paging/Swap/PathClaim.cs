using Paging.Threading;

namespace Paging.Swap;

/// <summary>Keeps two swap files of a process from being given the same name. The file system cannot do that, since neither file has a name
/// there.</summary>
internal sealed class PathClaim : IDisposable
{
    private static readonly Gate s_gate = new(isOfProcess: true);
    private static readonly HashSet<string> s_taken = [];
    private readonly string? _path;
    private bool _kept;

    private PathClaim(string? path) => _path = path;

    /// <summary>Claims a path. A directory may be given any number of times.</summary>
    /// <exception cref="IOException">A swap file has the name already.</exception>
    internal static PathClaim Take(string path)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            return new PathClaim(null);
        }

        var claim = new PathClaim(full);
        using Gate.Scope held = s_gate.Enter();
        return s_taken.Add(full)
            ? claim
            : throw new IOException($"'{path}' is a swap file of this process already. Remove it there first, or give another name.");
    }

    /// <summary>Makes the claim outlive the scope that took it. <see cref="Release"/> ends it.</summary>
    internal PathClaim Keep()
    {
        _kept = true;
        return this;
    }

    internal void Release()
    {
        if (_path is not null)
        {
            using Gate.Scope held = s_gate.Enter();
            s_taken.Remove(_path);
        }
    }

    public void Dispose()
    {
        if (!_kept)
        {
            Release();
        }
    }
}
