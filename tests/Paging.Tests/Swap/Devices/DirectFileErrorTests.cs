using System.Net.Sockets;
using System.Runtime.Versioning;
using Paging.Interop;
using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices;

/// <summary>Paths and sizes that make no swap file: one clear exception each, and nothing changed.</summary>
[SupportedOSPlatform("linux")]
public sealed class DirectFileErrorTests : IDisposable
{
    private const int FileBytes = 64 << 10;

    private readonly TemporaryDirectory _directory = new();
    private readonly ThreadEngine _engine = new(1);

    public static TheoryData<int> Abilities() => [(int)FileAbilities.All, (int)FileAbilities.None];

    [Theory]
    [InlineData(0)]
    [InlineData(-4096)]
    [InlineData(4095)]
    [InlineData(FileBytes + 512)]
    public void A_size_is_whole_blocks(long bytes)
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => DirectFile.ValidateBytes(bytes));
        Assert.Equal((nameof(bytes), bytes), (exception.ParamName, exception.ActualValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => Open(_directory.Path, bytes));
        _directory.AssertEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void A_path_is_a_path(string path) => Assert.Throws<ArgumentException>(() => Open(path));

    [Theory]
    [MemberData(nameof(Abilities))]
    public void A_file_that_exists_is_not_touched(int abilities)
    {
        string path = _directory.In("there");
        File.WriteAllText(path, "precious");
        AssertExists(path, "a file", abilities);
        Assert.Equal("precious", File.ReadAllText(path));
    }

    [Theory]
    [MemberData(nameof(Abilities))]
    public void Links_are_not_followed_wherever_they_lead(int abilities)
    {
        string target = _directory.In("target");
        Directory.CreateDirectory(target);
        string file = _directory.In("file");
        File.WriteAllText(file, "precious");
        foreach (string to in (string[])[target, file, _directory.In("nowhere")])
        {
            string link = _directory.In("link");
            File.CreateSymbolicLink(link, to);
            AssertExists(link, "a symbolic link", abilities);
            AssertExists(link + "/", "a symbolic link", abilities);
            File.Delete(link);
        }

        Assert.Equal("precious", File.ReadAllText(file));
        Assert.False(Path.Exists(_directory.In("nowhere")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(target));
    }

    [Theory]
    [MemberData(nameof(Abilities))]
    public void A_directory_behind_a_link_is_as_good_as_any(int abilities)
    {
        string target = _directory.In("target");
        Directory.CreateDirectory(target);
        Directory.CreateSymbolicLink(_directory.In("link"), target);
        using DirectFile file = Open(_directory.In("link/swap"), abilities: abilities);
        Assert.Empty(Directory.EnumerateFileSystemEntries(target));
    }

    [Theory]
    [MemberData(nameof(Abilities))]
    public void Neither_a_FIFO_nor_a_socket_nor_a_device_is_opened(int abilities)
    {
        AssertExists(_directory.MakeFifo("fifo"), "a FIFO", abilities);

        string address = _directory.In("socket");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(address));
        AssertExists(address, "a socket", abilities);
        AssertExists("/dev/null", "a device", abilities);
    }

    [Theory]
    [MemberData(nameof(Abilities))]
    public void A_directory_has_to_be_there(int abilities)
    {
        string missing = _directory.In("missing");
        AssertNoDirectory(Path.Combine(missing, "swap"), missing, abilities);
        string file = _directory.In("file");
        File.WriteAllText(file, "precious");
        AssertNoDirectory(Path.Combine(file, "swap"), file, abilities);
    }

    [Theory]
    [MemberData(nameof(Abilities))]
    public void A_directory_has_to_let_files_be_created(int abilities)
    {
        string closed = _directory.In("closed");
        if (Environment.IsPrivilegedProcess)
        {
            // Permissions do not bind root; a file system that knows no way to create a file does.
            Assert.SkipUnless(Directory.Exists("/sys"), "No directory that is closed to root.");
            closed = "/sys";
        }
        else
        {
            Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        Assert.ThrowsAny<Exception>(() => File.Create(Path.Combine(closed, "paging-test")));
        foreach (string path in (string[])[closed, Path.Combine(closed, "paging-test")])
        {
            Exception exception = Assert.ThrowsAny<Exception>(() => Open(path, abilities: abilities));
            Assert.True(
                exception is UnauthorizedAccessException || (exception is IOException && Environment.IsPrivilegedProcess), exception.ToString());
            Assert.Contains(path, exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_name_may_be_too_long() =>
        Assert.Throws<PathTooLongException>(() => Open(_directory.In(new string('x', 300))));

    [Theory]
    [MemberData(nameof(Abilities))]
    public void A_full_disk_is_found_at_once_and_nothing_is_left_there(int abilities)
    {
        long free = new DriveInfo(_directory.Path).AvailableFreeSpace;
        long bytes = (free + (1L << 40)) / 4096 * 4096;
        foreach (string path in (string[])[_directory.Path, _directory.In("swap")])
        {
            var exception = Assert.Throws<IOException>(() => Open(path, bytes, abilities));
            Assert.Contains(path, exception.Message, StringComparison.Ordinal);
            Assert.Contains($"{bytes:N0} bytes", exception.Message, StringComparison.Ordinal);
            Assert.Contains("are free there", exception.Message, StringComparison.Ordinal);
        }

        _directory.AssertEmpty();
    }

    /// <summary>As a tmpfs without a limit does, and a file system that is a program and counts no blocks.</summary>
    [Fact]
    public void Where_a_file_system_has_no_blocks_at_all_it_does_not_say_what_is_free()
    {
        Assert.Null(SwapFileBirth.AvailableBytes(new StatVfs { f_frsize = 4096 }));
        Assert.Equal(0, SwapFileBirth.AvailableBytes(new StatVfs { f_frsize = 4096, f_blocks = 1000 }));
        Assert.Equal(7 * 4096, SwapFileBirth.AvailableBytes(new StatVfs { f_frsize = 4096, f_blocks = 1000, f_bavail = 7 }));
        Assert.Equal(
            long.MaxValue,
            SwapFileBirth.AvailableBytes(new StatVfs { f_frsize = 4096, f_blocks = ulong.MaxValue, f_bavail = ulong.MaxValue }));
    }

    [Fact]
    public void No_descriptor_is_left_open_by_failures()
    {
        string path = _directory.In("there");
        File.WriteAllText(path, "precious");
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<IOException>(() => Open(path));
            Assert.Throws<IOException>(() => Open(_directory.Path, long.MaxValue / 4096 * 4096));
        }

        Assert.Equal(0, _directory.OpenFiles());
    }

    public void Dispose()
    {
        _engine.Dispose();
        _directory.Dispose();
    }

    private DirectFile Open(string path, long bytes = FileBytes, int abilities = (int)FileAbilities.All) =>
        DirectFile.Open(path, bytes, _engine, (FileAbilities)abilities);

    private void AssertExists(string path, string kind, int abilities)
    {
        var exception = Assert.Throws<IOException>(() => Open(path, abilities: abilities));
        Assert.Contains($"'{path}'", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"there is {kind}", exception.Message, StringComparison.Ordinal);
    }

    private void AssertNoDirectory(string path, string directory, int abilities)
    {
        var exception = Assert.Throws<DirectoryNotFoundException>(() => Open(path, abilities: abilities));
        Assert.Contains($"no directory '{directory}'", exception.Message, StringComparison.Ordinal);
    }
}
