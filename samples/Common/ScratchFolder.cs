namespace Samples;

/// <summary>A folder that is asked for and stays, or one of its own under the system's temporary ones that goes with it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private readonly bool _isKept;

    public ScratchFolder(string? kept, string prefix)
    {
        _isKept = kept is not null;
        Path = kept is null
            ? Directory.CreateTempSubdirectory(prefix).FullName
            : Directory.CreateDirectory(kept).FullName;
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (!_isKept)
            Directory.Delete(Path, recursive: true);
    }
}
