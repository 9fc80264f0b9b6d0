using System.Runtime.Versioning;
using Paging.Memory;
using Paging.Swap.Devices;
using Paging.Tests.Face;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Files;

/// <summary>Swap files that cannot be: one clear exception each, at once, and the pager goes on.</summary>
[Collection(Alone.Name)]
[SupportedOSPlatform("linux")]
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Held _held = new(400, backgroundThreads: 0, Held.File());
    private readonly List<string> _mine = [];

    public BadInputTests() => _held.Fill();

    public static TheoryData<long> Sizes() =>
        [0, -4096, 1, 4095, 4097, (1 << 20) + 512, 4096, 20 << 10, long.MinValue, long.MaxValue, long.MaxValue / 4096 * 4096];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_size_is_whole_blocks_and_holds_two_segments(long bytes)
    {
        ArgumentOutOfRangeException exception = Refused<ArgumentOutOfRangeException>(Held.File(bytes) with { Path = _directory.Path });
        Assert.Equal("options", exception.ParamName);
        Assert.Equal(bytes, exception.ActualValue);
        Assert.Contains("SwapFileOptions.Bytes", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_least_size_that_the_exception_gives_will_do(bool encrypt)
    {
        SwapFileOptions options = Held.File(4096, encrypt: encrypt) with { Path = _directory.Path };
        ArgumentOutOfRangeException exception = Refused<ArgumentOutOfRangeException>(options);
        long least = Least(encrypt);
        Expect.Figure(least, exception.Message);
        SwapFile file = _held.Pager.AddSwapFile(options with { Bytes = least });
        Assert.Equal(least, file.Bytes);
        Refused<ArgumentOutOfRangeException>(options with { Bytes = least - 4096 });
        IsWhole();
    }

    [Fact]
    public void Null_is_no_file()
    {
        Refused<ArgumentNullException>(null!);
        Refused<ArgumentNullException>(Held.File() with { Path = null! });
        Refused<ArgumentException>(Held.File() with { Path = "" });
        Refused<ArgumentException>(Held.File() with { Path = "a\0b" });
    }

    [Fact]
    public void A_directory_has_to_be_there() =>
        Refused<DirectoryNotFoundException>(Held.File() with { Path = _directory.In("missing/swap") });

    [Fact]
    public void A_directory_has_to_let_files_be_created()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Permissions do not bind root.");
        string closed = Mine("closed");
        Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Refused<UnauthorizedAccessException>(Held.File() with { Path = closed });
        Refused<UnauthorizedAccessException>(Held.File() with { Path = Path.Combine(closed, "swap") });
    }

    [Fact]
    public void A_full_disk_is_found_at_once()
    {
        long bytes = (new DriveInfo(_directory.Path).AvailableFreeSpace + (1L << 40)) / 4096 * 4096;
        foreach (bool encrypt in (bool[])[false, true])
        {
            IOException exception = Refused<IOException>(Held.File(bytes, encrypt: encrypt) with { Path = _directory.Path });
            Expect.Figure(bytes, exception.Message);
        }
    }

    [Fact]
    public void What_is_there_is_not_touched()
    {
        string file = Mine("file");
        File.WriteAllText(file, "precious");
        string link = Mine("link");
        File.CreateSymbolicLink(link, file);
        string dangling = Mine("dangling");
        File.CreateSymbolicLink(dangling, _directory.In("nowhere"));
        string fifo = Mine("fifo");
        _directory.MakeFifo("fifo");
        foreach (string path in (string[])[file, link, dangling, fifo, "/dev/null"])
        {
            IOException exception = Refused<IOException>(Held.File() with { Path = path });
            Assert.Contains($"'{path}'", exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal("precious", File.ReadAllText(file));
        Assert.False(Path.Exists(_directory.In("nowhere")));
    }

    [Fact]
    public async Task A_name_is_given_once_in_a_process_and_again_when_it_is_free()
    {
        SwapFileOptions options = Held.File() with { Path = _directory.In("swap") };
        SwapFile file = _held.Pager.AddSwapFile(options);
        Refused<IOException>(options);
        Refused<IOException>(options with { Path = Path.Combine(_directory.Path, ".", "swap") });
        using (var other = new Pager(Held.Options()))
        {
            Assert.Throws<IOException>(() => other.AddSwapFile(options));
            Assert.Throws<IOException>(() => new Pager(Held.Options(0, options)));
            await _held.Pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
            other.AddSwapFile(options);
            Refused<IOException>(options);
        }

        _held.Pager.AddSwapFile(options);
        IsWhole();
    }

    [Fact]
    public void A_name_that_was_refused_may_be_given_later()
    {
        string path = Mine("later");
        File.WriteAllText(path, "in the way");
        Refused<IOException>(Held.File() with { Path = path });
        Refused<ArgumentOutOfRangeException>(Held.File(0) with { Path = path });
        File.Delete(path);
        _mine.Remove(path);
        _held.Pager.AddSwapFile(Held.File() with { Path = path });
        IsWhole();
    }

    [Fact]
    public void The_sixty_fifth_file_is_refused()
    {
        SwapFileOptions options = Held.File(Least(encrypt: true)) with { Path = _directory.Path };
        for (int i = 1; i < 64; i++)
            _held.Pager.AddSwapFile(options);
        int descriptors = _directory.OpenFiles();
        InvalidOperationException exception = Refused<InvalidOperationException>(options);
        Expect.Figure(64, exception.Message);
        Refused<InvalidOperationException>(options with { Path = _directory.In("swap"), Encrypt = true });
        Assert.Equal(descriptors, _directory.OpenFiles());

        // What was refused has not kept its name.
        using var other = new Pager(Held.Options(0, options with { Path = _directory.In("swap") }));
    }

    [Fact]
    public void A_disposed_pager_takes_no_file()
    {
        var pager = new Pager(Held.Options());
        pager.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pager.AddSwapFile(Held.File() with { Path = _directory.Path }));
        _directory.AssertEmpty();
    }

    [Fact]
    public void A_pager_whose_files_are_bad_leaves_nothing_behind()
    {
        string file = Mine("file");
        File.WriteAllText(file, "precious");
        SwapFileOptions good = Held.File() with { Path = _directory.In("good") };
        long reserved = Reserved();
        int descriptors = _directory.OpenFiles();
        Assert.Throws<IOException>(() => new Pager(Held.Options(1, good, good with { Path = file })));
        Assert.Throws<IOException>(() => new Pager(Held.Options(0, good, good)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(Held.Options(0, good with { Encrypt = true }, good with { Bytes = 4097 })));
        Assert.Throws<DirectoryNotFoundException>(() => new Pager(Held.Options(2, good, good with { Path = _directory.In("missing/swap") })));
        Assert.ThrowsAny<ArgumentException>(() => new Pager(Held.Options(0, good, null!)));
        Assert.Throws<ArgumentNullException>(() => new Pager(Held.Options() with { SwapFiles = null! }));
        Assert.Equal(reserved, Reserved());
        Assert.Equal(descriptors, _directory.OpenFiles());
        Assert.Equal([file], Directory.EnumerateFileSystemEntries(_directory.Path));

        // The good one's name is free again.
        using var pager = new Pager(Held.Options(0, good));
    }

    public void Dispose()
    {
        _held.Dispose();
        _directory.Dispose();
    }

    private static long Reserved()
    {
        // What other tests have dropped is none of ours.
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return Reservation.OutstandingBytes;
    }

    private long Least(bool encrypt) => _held.Store.MinFileBytes(encrypt ? BlockCipher.PayloadBytes : SwapDevice.BufferAlignment);

    private string Mine(string name)
    {
        string path = _directory.In(name);
        _mine.Add(path);
        return path;
    }

    private TException Refused<TException>(SwapFileOptions options)
        where TException : Exception
    {
        long files = _held.Store.Files.Sizes().Files;
        var exception = Assert.Throws<TException>(() => _held.Pager.AddSwapFile(options));
        Assert.Equal(files, _held.Store.Files.Sizes().Files);
        Assert.Equal(_mine.Order(StringComparer.Ordinal), Directory.EnumerateFileSystemEntries(_directory.Path).Order(StringComparer.Ordinal));
        IsWhole();
        return exception;
    }

    private void IsWhole()
    {
        _held.VerifyAll();
        _held.Fill();
        _held.AssertWithinBudgets();
    }
}
