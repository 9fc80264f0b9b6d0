namespace Paging.Tests.Swap.Devices;

/// <summary>A directory of a test's own, deleted with all that is in it.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("paging-devices-").FullName;

    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Fails if anything is in it.</summary>
    public void AssertEmpty() => Assert.Empty(Directory.EnumerateFileSystemEntries(Path));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
