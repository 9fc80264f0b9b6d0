using System.Runtime.InteropServices;
using System.Text;

namespace Paging.Tests.Swap.Devices;

/// <summary>A directory of a test's own, deleted with all that is in it.</summary>
internal sealed unsafe class TemporaryDirectory : IDisposable
{
    private const string Memory = "/dev/shm";

    public TemporaryDirectory()
        : this(Directory.CreateTempSubdirectory("paging-devices-").FullName)
    {
    }

    private TemporaryDirectory(string path) => Path = path;

    public string Path { get; }

    /// <summary>In memory, where the machine has such a file system: for tests that write thousands of small files, each of which a disk
    /// would have to write before it can be read past the cache.</summary>
    public static TemporaryDirectory InMemory() => Directory.Exists(Memory)
        ? new(Directory.CreateDirectory($"{Memory}/paging-devices-{Guid.NewGuid():N}").FullName)
        : new();

    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a FIFO in it.</summary>
    /// <returns>Its path.</returns>
    public string MakeFifo(string name)
    {
        string path = In(name);
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            Assert.Equal(0, mkfifo(bytes, 0x180));
        }

        return path;
    }

    /// <summary>Files in it, deleted ones too, that a process has open: this one, or the one of a number. Other tests run at the same time, and
    /// have others.</summary>
    public int OpenFiles(string process = "self") => Directory.EnumerateFiles($"/proc/{process}/fd")
        .Count(descriptor => new FileInfo(descriptor).LinkTarget?.StartsWith(Path, StringComparison.Ordinal) == true);

    /// <summary>Fails if anything is in it.</summary>
    public void AssertEmpty() => Assert.Empty(Directory.EnumerateFileSystemEntries(Path));

    public void Dispose() => Directory.Delete(Path, recursive: true);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int mkfifo(byte* path, uint mode);
}
