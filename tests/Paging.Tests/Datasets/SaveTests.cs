using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Datasets;
using Paging.Interop;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;
using Paging.TestSeam;

namespace Paging.Tests.Datasets;

/// <summary>A dataset is complete under its name, or not there at all, whatever comes between.</summary>
/// <remarks>The child is this very program, told to run <see cref="Child"/> alone.</remarks>
public sealed class SaveTests : IDisposable
{
    private const string DirectoryVariable = "PAGING_SAVE_DIRECTORY";
    private const string Saved = "child has saved";
    private const int Length = 200_000;

    private static readonly int[] s_contents = [.. Enumerable.Range(0, Length).Select(static i => i ^ (i << 7))];

    private readonly TemporaryDirectory _directory = new();
    private readonly Pager _pager = new(Held.Options(0, Held.File()));
    private readonly PagedArray<int> _array;

    public SaveTests() => _array = _pager.From<int>(s_contents);

    private string Name => _directory.In("data");

    public void Dispose()
    {
        _pager.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Progress_rises_to_one_on_the_calling_thread()
    {
        var told = new List<double>();
        int thread = Environment.CurrentManagedThreadId;
        _array.Save(Name, new DatasetOptions { ShardBytes = 50_000 }, new Told(share =>
        {
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            told.Add(share);
        }), TestContext.Current.CancellationToken);
        Assert.Equal(told.Order(), told);
        Assert.Equal(1, told[^1]);
        Assert.InRange(told.Count, 2, 1_000);
        AssertSaved();
    }

    [Fact]
    public void What_was_never_touched_takes_neither_memory_nor_room()
    {
        // 256 shards of a million chunks, of which three are files: the index of each takes 16 MiB.
        using PagedArray<byte> sparse = _pager.Allocate<byte>(1L << 40, new PagedArrayOptions { PageBytes = 4096 });
        long[] touched = [0, 4095, (1L << 32) - 1, 1L << 32, (1L << 32) + (5 << 20), (1L << 40) - 1];
        foreach (long at in touched)
            sparse[at] = (byte)(at + 3);
        long before = GC.GetAllocatedBytesForCurrentThread();
        sparse.Save(Name, new DatasetOptions { ShardBytes = 4L << 30 }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 60 << 20);
        Assert.Equal(
            ["0", "1", "255"],
            Directory.GetFiles(Path.Combine(Name, "c")).Select(static file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        using PagedArray<byte> opened = _pager.Open<byte>(Name);
        foreach (long at in touched)
        {
            Assert.Equal((byte)(at + 3), opened[at]);
            Assert.Equal(sparse[at ^ 1], opened[at ^ 1]);
            Assert.Equal(sparse[at ^ 4096], opened[at ^ 4096]);
        }
    }

    [Fact]
    public void What_is_in_the_way_is_told_by_the_name_that_was_asked_for()
    {
        foreach (string path in (string[])["/proc/data", Name])
        {
            Exception? e = Record.Exception(() => _array.Save(path, progress: new Told(share =>
            {
                foreach (string saving in Directory.GetDirectories(_directory.Path))
                    File.WriteAllText(Path.Combine(saving, "c"), "in the way");
            }), cancellationToken: TestContext.Current.CancellationToken));
            Assert.True(e is IOException or UnauthorizedAccessException, $"{e}");
            Assert.Contains($"'{path}", e.Message, StringComparison.Ordinal);
            Assert.StartsWith("'", e.Message, StringComparison.Ordinal);
        }

        _directory.AssertEmpty();
    }

    [Fact]
    public void What_progress_throws_ends_it()
    {
        Assert.Throws<TimeoutException>(() => _array.Save(
            Name, progress: new Told(static _ => throw new TimeoutException()), cancellationToken: TestContext.Current.CancellationToken));
        _directory.AssertEmpty();
    }

    [Fact]
    public void Cancelled_it_leaves_nothing()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => _array.Save(
            Name, new DatasetOptions { ShardBytes = 50_000 }, new Told(_ => cancellation.Cancel()), cancellation.Token));
        _directory.AssertEmpty();
        Assert.Throws<OperationCanceledException>(() => _array.Save(Name, cancellationToken: cancellation.Token));
        _directory.AssertEmpty();
    }

    [Fact]
    public async Task Cancelled_at_any_moment_it_is_whole_or_not_there()
    {
        ulong seed = Seeded.Next();
        var rng = new Rng(seed);
        for (int i = 0; i < 20; i++)
        {
            using var cancellation = new CancellationTokenSource();
            Task saving = Task.Run(
                () => _array.Save(Name, new DatasetOptions { ShardBytes = 50_000 }, cancellationToken: cancellation.Token), CancellationToken.None);
            Thread.SpinWait(rng.Next(1_000_000));
            await cancellation.CancelAsync();
            try
            {
                await saving;
                AssertSaved();
                Directory.Delete(Name, recursive: true);
            }
            catch (OperationCanceledException)
            {
            }

            Assert.True(Directory.GetFileSystemEntries(_directory.Path).Length == 0, $"PAGING_SEED={seed}: something is left");
        }
    }

    [Fact]
    public void Only_a_dataset_or_an_empty_directory_is_replaced()
    {
        Save();
        Assert.Contains("exists. Choose another name, or set Overwrite", Refused<IOException>(new DatasetOptions()), StringComparison.Ordinal);
        Save(new DatasetOptions { Overwrite = true });
        AssertSaved();
        Directory.Delete(Name, recursive: true);
        Directory.CreateDirectory(Name);
        Assert.Contains("exists", Refused<IOException>(new DatasetOptions()), StringComparison.Ordinal);
        Save(new DatasetOptions { Overwrite = true });
        AssertSaved();
        Directory.Delete(Name, recursive: true);
        Directory.CreateDirectory(Path.Combine(Name, "photographs"));
        Assert.Contains("it is no dataset", Refused<IOException>(new DatasetOptions { Overwrite = true }), StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(Name, "photographs")));
        File.WriteAllText(Path.Combine(Name, "zarr.json"), "{\"zarr_format\":3,\"node_type\":\"group\"}");
        Assert.Contains("It may be a group", Refused<IOException>(new DatasetOptions { Overwrite = true }), StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(Name, "photographs")));
        Directory.Delete(Name, recursive: true);
        File.WriteAllText(Name, "text");
        Assert.Contains("it is a file", Refused<IOException>(new DatasetOptions { Overwrite = true }), StringComparison.Ordinal);
        Assert.Equal("text", File.ReadAllText(Name));
    }

    [Fact]
    public void A_dataset_whose_metadata_begin_with_a_mark_of_the_byte_order_is_opened_and_replaced()
    {
        Save();
        string metadata = Path.Combine(Name, "zarr.json");
        File.WriteAllBytes(metadata, [0xEF, 0xBB, 0xBF, .. File.ReadAllBytes(metadata)]);
        AssertSaved();
        Save(new DatasetOptions { Overwrite = true });
        Assert.Equal((byte)'{', File.ReadAllBytes(metadata)[0]);
        AssertSaved();
    }

    [Fact]
    public void A_path_names_the_same_dataset_to_Save_and_to_Open()
    {
        // To the system, what follows a link is where the link leads.
        Directory.CreateDirectory(_directory.In("elsewhere/deep"));
        Directory.CreateSymbolicLink(_directory.In("link"), _directory.In("elsewhere/deep"));
        string path = _directory.In("link/../data");
        _array.Save(path, cancellationToken: TestContext.Current.CancellationToken);
        AssertSaved();
        using PagedArray<int> opened = _pager.Open<int>(path);
        Assert.Equal(s_contents[7], opened[7]);
        using PagedArray<int> absent = _pager.Open<int>(_directory.In("absent/../data"));
        Assert.Equal(s_contents[7], absent[7]);
        File.WriteAllBytes(_directory.In("file"), [1, 2, 3]);
        using PagedArray<byte> mapped = _pager.MapFile<byte>(_directory.In("link/../file"));
        Assert.Equal(3, mapped[2]);
    }

    [Fact]
    public void Through_a_link_what_it_leads_to_is_replaced()
    {
        Save();
        string link = _directory.In("link");
        Directory.CreateSymbolicLink(link, Name);
        _array.Save(link + "/", new DatasetOptions { Overwrite = true }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Name, new DirectoryInfo(link).LinkTarget);
        AssertSaved();
        Assert.Equal(2, Directory.GetFileSystemEntries(_directory.Path).Length);
    }

    [Fact]
    public void Bad_input_is_refused_with_figures()
    {
        Assert.Throws<ArgumentException>(() => _array.Save("", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => _array.Save("a\0", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => _array.Save("/", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Throws<DirectoryNotFoundException>(
            () => _array.Save(_directory.In("a/b/c"), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains(
            "ChunkBytes = 3 is not from 4", Refused<ArgumentOutOfRangeException>(new DatasetOptions { ChunkBytes = 3 }), StringComparison.Ordinal);
        Assert.Contains(
            "to 4,194,304", Refused<ArgumentOutOfRangeException>(new DatasetOptions { ChunkBytes = (4 << 20) + 1 }), StringComparison.Ordinal);
        Assert.Contains(
            "ShardBytes = 0 is not from 1", Refused<ArgumentOutOfRangeException>(new DatasetOptions { ShardBytes = 0 }), StringComparison.Ordinal);
        Assert.Contains(
            "Compression = 9",
            Refused<ArgumentOutOfRangeException>(new DatasetOptions { Compression = (CompressionGoal)9 }),
            StringComparison.Ordinal);
        _array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Save());
        _directory.AssertEmpty();
    }

#if DEBUG
    /// <summary>The disk, or whatever else, fails at any one of the writes.</summary>
    [Fact]
    public void A_write_that_fails_is_one_exception_and_leaves_nothing()
    {
        Save();
        for (int failing = 0; ; failing++)
        {
            var failures = new FailsOnce(failing);
            TestHook.Failures = failures;
            try
            {
                Save(new DatasetOptions { Overwrite = true, ShardBytes = 200_000 });
                Assert.False(failures.HasFailed);
                break;
            }
            catch (IOException e) when (failures.HasFailed)
            {
                Assert.Equal("the disk is full", e.Message);
            }
            finally
            {
                TestHook.Failures = null;
            }

            Assert.Equal([Name], Directory.GetFileSystemEntries(_directory.Path));
            AssertSaved();
        }
    }

#endif

    [Fact]
    public unsafe void A_limit_of_file_sizes_is_an_exception()
    {
        RLimit before;
        Assert.Equal(0, FileSpace.getrlimit(FileSpace.RLIMIT_FSIZE, &before));
        const long Limit = 1L << 40;
        Assert.SkipWhen(before.rlim_cur < Limit, "The process may write no large files anyhow.");
        using var writer = new ShardWriter(_directory.In("c"), "c", 1, 1);
        RLimit lower = new() { rlim_cur = Limit, rlim_max = before.rlim_max };
        void* block = NativeMemory.AlignedAlloc(4096, 4096);
        Assert.Equal(0, FileSpace.setrlimit(FileSpace.RLIMIT_FSIZE, &lower));
        try
        {
            EndOf(writer) = Limit;
            Assert.Contains("ulimit -f", Assert.Throws<IOException>(() => writer.Write((byte*)block, 4096, [])).Message, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Equal(0, FileSpace.setrlimit(FileSpace.RLIMIT_FSIZE, &before));
            NativeMemory.AlignedFree(block);
        }
    }

    [Fact]
    public void What_was_left_by_others_is_deleted_and_what_is_in_use_is_not()
    {
        string orphan = _directory.In(DatasetTarget.Prefix + "0123456789abcdef");
        Directory.CreateDirectory(Path.Combine(orphan, "c"));
        File.WriteAllText(Path.Combine(orphan, "c", "0"), "x");
        File.WriteAllText(orphan + DatasetTarget.LockSuffix, Environment.MachineName);
        File.WriteAllText(_directory.In(DatasetTarget.Prefix + "alone" + DatasetTarget.LockSuffix), Environment.MachineName);

        // Of another machine, whose locks may be unknown here; and a link that somebody else has put there.
        string foreign = _directory.In(DatasetTarget.Prefix + "foreign");
        Directory.CreateDirectory(foreign);
        File.WriteAllText(foreign + DatasetTarget.LockSuffix, Environment.MachineName + "x");
        string link = _directory.In(DatasetTarget.Prefix + "link");
        string precious = Directory.CreateDirectory(_directory.In("precious")).FullName;
        File.WriteAllText(Path.Combine(precious, "zarr.json"), "{}");
        Directory.CreateSymbolicLink(link, precious);
        File.WriteAllText(link + DatasetTarget.LockSuffix, Environment.MachineName);
        using (var target = new DatasetTarget(_directory.In("other"), overwrite: false))
        {
            Assert.False(Directory.Exists(orphan));
            Save();
            Assert.True(Directory.Exists(target.Location));
        }

        Assert.True(Directory.Exists(foreign) && File.Exists(Path.Combine(precious, "zarr.json")));
        Assert.Equal(
            [Name, foreign, foreign + DatasetTarget.LockSuffix, link, link + DatasetTarget.LockSuffix, precious],
            Directory.GetFileSystemEntries(_directory.Path).Order(StringComparer.Ordinal).OrderBy(path => path != Name));
    }

    [Fact]
    public void Two_that_save_under_one_name_are_both_whole()
    {
        Parallel.For(
            0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => Save(new DatasetOptions { Overwrite = true, ShardBytes = 50_000 }));
        Assert.Equal([Name], Directory.GetFileSystemEntries(_directory.Path));
        AssertSaved();
    }

    /// <summary>Each looks for orphans while others make and lock what is theirs.</summary>
    [Fact]
    public void Saves_that_begin_at_the_same_time_leave_each_other_alone()
    {
        Parallel.For(0, 2_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            using var target = new DatasetTarget(_directory.In($"data{i}"), overwrite: false);
            File.WriteAllText(Path.Combine(target.Location, "file"), "contents");
            Assert.True(File.Exists(Path.Combine(target.Location, "file")));
        });
        _directory.AssertEmpty();
    }

    [Fact]
    public async Task A_process_that_is_killed_leaves_the_old_dataset_or_the_new_one()
    {
        ulong seed = Seeded.Next();
        var rng = new Rng(seed);
        for (int kill = 0; kill < 4; kill++)
        {
            using Process child = OwnProcess.Start(typeof(SaveTests), (DirectoryVariable, _directory.Path));
            try
            {
                int moments = 1 + rng.Next(6);
                while (moments > 0 && await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
                    moments -= line.Contains(Saved, StringComparison.Ordinal) ? 1 : 0;
                Assert.Equal(0, moments);
                Thread.SpinWait(rng.Next(3_000_000));
            }
            finally
            {
                child.Kill();
                await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            using PagedArray<int> opened = _pager.Open<int>(Name);
            var seen = new int[opened.Length];
            opened.CopyTo(0, seen);
            Assert.True(seen.AsSpan().SequenceEqual(s_contents), $"PAGING_SEED={seed}: the dataset is another");
        }

        Save(new DatasetOptions { Overwrite = true });

        // A lock that had no name yet when its process was killed stays: it could be another machine's. It is empty, and nothing lies beside it.
        Assert.Equal(
            [Name], Directory.GetFileSystemEntries(_directory.Path).Where(static path => !File.Exists(path) || new FileInfo(path).Length != 0));
    }

    /// <summary>Saves again and again until it is killed.</summary>
    [Fact(Explicit = true)]
    public void Child()
    {
        string? directory = Environment.GetEnvironmentVariable(DirectoryVariable);
        Assert.SkipWhen(directory is null, "The child of another test.");
        OwnProcess.EndWithParent();
        for (int i = 0; i < 100_000 && !TestContext.Current.CancellationToken.IsCancellationRequested; i++)
        {
            _array.Save(
                Path.Combine(directory, "data"),
                new DatasetOptions { Overwrite = true, ShardBytes = 100_000 },
                cancellationToken: TestContext.Current.CancellationToken);
            Console.Out.WriteLine(Saved);
            Console.Out.Flush();
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_end")]
    private static extern ref long EndOf(ShardWriter writer);

    private void Save(DatasetOptions? options = null) => _array.Save(Name, options, cancellationToken: TestContext.Current.CancellationToken);

    private string Refused<T>(DatasetOptions options) where T : Exception => Assert.Throws<T>(() => Save(options)).Message;

    private void AssertSaved()
    {
        using PagedArray<int> opened = _pager.Open<int>(Name);
        var seen = new int[opened.Length];
        opened.CopyTo(0, seen);
        Assert.True(seen.AsSpan().SequenceEqual(s_contents));
    }

    private sealed class Told(Action<double> action) : IProgress<double>
    {
        public void Report(double value) => action(value);
    }

#if DEBUG
    /// <summary>Fails one write of the thread.</summary>
    private sealed class FailsOnce(int at) : IFailures
    {
        private int _seen;

        public bool HasFailed { get; private set; }

        public void Reach(FailurePoint point)
        {
            if (point == FailurePoint.DeviceWrite && _seen++ == at)
            {
                HasFailed = true;
                throw new IOException("the disk is full");
            }
        }
    }
#endif
}
