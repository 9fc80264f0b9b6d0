using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Files;
using Paging.Tests.Formats;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Datasets;

/// <summary>Datasets: what is saved is what is opened, and so is what others have saved.</summary>
public sealed class DatasetTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Name => _directory.In("data");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(typeof(byte))]
    [InlineData(typeof(bool))]
    [InlineData(typeof(char))]
    [InlineData(typeof(Half))]
    [InlineData(typeof(int))]
    [InlineData(typeof(double))]
    [InlineData(typeof(Complex))]
    [InlineData(typeof(decimal))]
    [InlineData(typeof(Int128))]
    [InlineData(typeof(DayOfWeek))]
    [InlineData(typeof(Particle))]
    public void Arrays_of_any_element_come_back(Type element) =>
        typeof(DatasetTests).GetMethod(nameof(ComesBack), System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!
            .MakeGenericMethod(element).Invoke(this, null);

    private void ComesBack<T>() where T : unmanaged => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 4; i++)
        {
            var contents = new T[1 + rng.Next(60_000 / Unsafe.SizeOf<T>())];
            Fill(ref rng, MemoryMarshal.AsBytes(contents.AsSpan()));
            using var pager = new Pager(Held.Options(rng.Next(2)));
            using PagedArray<T> array = pager.From<T>(contents);
            string path = _directory.In($"{typeof(T).Name}{i}");
            array.Save(path, new DatasetOptions { Compression = (CompressionGoal)rng.Next(4), ShardBytes = 1 + rng.Next(100_000) });
            using PagedArray<T> opened = pager.Open<T>(path);
            AssertHolds(opened, contents);
        }
    });

    /// <summary>The metadata has a number for each byte of such an element.</summary>
    [Fact]
    public void Elements_as_long_as_the_longest_page_come_back()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 16 << 20, PoolBytes = 72 << 20 });
        using PagedArray<Huge> array = pager.Allocate<Huge>(2, new PagedArrayOptions { PageBytes = 4 << 20 });
        using (WriteLease<Huge> lease = array.Write(1))
            MemoryMarshal.AsBytes(lease.Span)[^1] = 7;
        array.Save(Name, cancellationToken: TestContext.Current.CancellationToken);
        using PagedArray<Huge> opened = pager.Open<Huge>(Name);
        using ReadLease<Huge> read = opened.Read(1);
        Assert.Equal(7, MemoryMarshal.AsBytes(read.Span)[^1]);
        Assert.Equal(Unsafe.SizeOf<Huge>() - 1, MemoryMarshal.AsBytes(read.Span).IndexOfAnyExcept((byte)0));
    }

    /// <summary>Any shape, in chunks and shards of any length, opened with pages of any length.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Matrices_of_any_shape_come_back(int backgroundThreads)
    {
        Gen<(int Rows, int Columns, int Chunk, int Shard, int Pages, int Goal, int Seed)> cases =
            from rows in Gen.Choose(1, 300)
            from columns in Gen.Choose(1, 700)
            from chunk in Gen.Choose(0, 40_000)
            from shard in Gen.Choose(1, 400_000)
            from pages in Gen.Choose(0, 2)
            from goal in Gen.Choose(0, 3)
            from seed in Gen.Choose(0, int.MaxValue)
            select (rows, columns, chunk, shard, pages, goal, seed);
        Seeded.Check(40, cases, static _ => [], one =>
        {
            var rng = new Rng((ulong)one.Seed);
            var contents = new float[one.Rows * one.Columns];
            Fill(ref rng, MemoryMarshal.AsBytes(contents.AsSpan()));
            using var pager = new Pager(Held.Options(backgroundThreads) with { ResidentBytes = 64 * Held.PageBytes, PoolBytes = 4 << 20 });
            using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(one.Rows, one.Columns);
            matrix.CopyFrom(0, contents);
            var options = new DatasetOptions
            {
                Overwrite = true,
                Compression = (CompressionGoal)one.Goal,
                ShardBytes = one.Shard,
                ChunkBytes = one.Chunk == 0 ? null : Math.Max(one.Chunk, 4 * one.Columns),
            };
            matrix.Save(Name, options);
            PagedArrayOptions? asked = one.Pages == 0 ? null : new PagedArrayOptions { PageBytes = 4096 << one.Pages };
            using PagedMatrix<float> opened = pager.OpenMatrix<float>(Name, asked);
            Assert.Equal((matrix.Rows, matrix.Columns), (opened.Rows, opened.Columns));
            var seen = new float[contents.Length];
            opened.CopyTo(0, seen);
            Assert.True(Same<float>(contents, seen));
            for (int i = 0; i < 20; i++)
            {
                int row = rng.Next(one.Rows);
                using ReadLease<float> lease = opened.ReadRow(row);
                Assert.True(Same(contents.AsSpan(row * one.Columns, one.Columns), lease.Span));
            }

            using PagedArray<float> flat = pager.Open<float>(Name, asked);
            flat.CopyTo(0, seen);
            Assert.True(Same<float>(contents, seen));
        });
    }

    /// <summary>By code of its own: every codec, chunks in shards or not, an index at either end, rows that are wider than the array,
    /// missing chunks.</summary>
    [Fact]
    public void What_others_have_saved_is_opened()
    {
        Gen<ulong> cases = from high in Gen.Choose(0, int.MaxValue) from low in Gen.Choose(0, int.MaxValue) select ((ulong)high << 31) + (ulong)low;
        Seeded.Check(80, cases, static _ => [], OpenOf);
    }

    [Fact]
    public void A_chunk_that_is_longer_than_one_can_be_says_so()
    {
        const int Length = 100_000;
        byte[] contents = new byte[Length];
        Content.Write(ContentKind.Noise, 1, contents.AsSpan());
        var zarr = new Zarr([Length], [Length], null, "uint8", 1)
        {
            Compressor = """{"name":"blosc"}""",
            Compress = static data => Zarr.Blosc(data, 1, 1, 0, block: 1, isSplit: true),
        };
        string name = _directory.In("longer");
        zarr.Write(name, contents);
        using var pager = new Pager(Held.Options());
        using PagedArray<byte> array = pager.Open<byte>(name);
        PageCorruptedException e = Assert.Throws<PageCorruptedException>(() => array[5]);
        Assert.Contains("chunk 0 takes 900,016 bytes, and one that decodes to 100,000 takes 178,036 at most", e.Message, StringComparison.Ordinal);
    }

    private void OpenOf(ulong seed)
    {
        var rng = new Rng(seed);
        int element = 1 << rng.Next(4);
        long rows = 1 + rng.Next(400);
        long[] rest = [.. Enumerable.Range(0, rng.Next(3)).Select(_ => 1L + rng.Next(30))];
        long[] chunk = [1 + rng.Next(100), .. rest];
        bool isSharded = rng.Chance(60);
        if (rest.Length > 0 && rng.Chance(30))
            chunk[1] += rng.Next(5);
        long[]? shard = isSharded ? [chunk[0] * (1 + rng.Next(6)), .. chunk[1..]] : null;
        if (shard is { Length: > 1 } && rng.Chance(30))
            shard[1] *= 2;
        bool isWide = rest.Length > 0 && chunk[1] != rest[0];
        int compressor = rng.Next(4);

        // Of fewer elements no writer makes blocks: their places would take more than what they save, and more than is read.
        int block = element * (64 + rng.Next(3_000));
        (int codec, int filter, bool isSplit) = (rng.Chance(50) ? 1 : 4, rng.Next(3), rng.Chance(50));
        bool mayMiss = rng.Chance(50);
        ulong missing = rng.Next();
        byte[] fill = new byte[element];
        Content.Write(ContentKind.Noise, rng.Next(), fill.AsSpan());
        ulong number =
            element switch { 1 => fill[0], 2 => BitConverter.ToUInt16(fill), 4 => BitConverter.ToUInt32(fill), _ => BitConverter.ToUInt64(fill) };
        var zarr = new Zarr([rows, .. rest], chunk, shard, $"uint{8 * element}", element)
        {
            Compressor = compressor switch
            {
                0 => null,
                1 => """{"name":"zstd","configuration":{"level":3,"checksum":true}}""",
                _ => """{"name":"blosc"}""",
            },
            Compress = data => compressor == 1 ? Zarr.Zstd(data) : Zarr.Blosc(data, element, codec, filter, Math.Min(block, data.Length), isSplit),
            HasChecksum = rng.Chance(50),
            IsIndexAtEnd = rng.Chance(60),
            HasIndexChecksum = rng.Chance(60),
            KeyEncoding = rng.Chance(30) ? """{"name":"v2"}""" : "\"default\"",
            FillValue = $"{number}",
            IsMissing = at => mayMiss && (missing >> (int)(at % 64) & 1) != 0,
        };
        long row = rest.Aggregate(1L, static (product, length) => product * length);
        byte[] contents = new byte[rows * row * element];
        Fill(ref rng, contents);
        string path = _directory.In($"others{seed}");
        zarr.Write(path, contents);
        for (long i = 0; i < rows * row; i++)
        {
            if (zarr.IsMissing(i / row / chunk[0]))
                fill.CopyTo(contents.AsSpan((int)(i * element)));
        }

        using var pager = new Pager(Held.Options(rng.Next(2)) with { ResidentBytes = 64 * Held.PageBytes, PoolBytes = 4 << 20 });
        PagedArrayOptions? asked = rng.Chance(50) ? null : new PagedArrayOptions { PageBytes = 4096 << rng.Next(3) };
        switch (element)
        {
            case 1:
                Check<byte>();
                break;
            case 2:
                Check<ushort>();
                break;
            case 4:
                Check<uint>();
                break;
            default:
                Check<ulong>();
                break;
        }

        Directory.Delete(path, recursive: true);

        void Check<T>() where T : unmanaged
        {
            ReadOnlySpan<T> expected = MemoryMarshal.Cast<byte, T>(contents);
            using PagedMatrix<T> matrix = pager.OpenMatrix<T>(path, asked);
            Assert.Equal((rows, row), (matrix.Rows, matrix.Columns));
            var seen = new T[expected.Length];
            matrix.CopyTo(0, seen);
            Assert.True(Same(expected, seen), $"{zarr} {compressor}");
            if (isWide)
            {
                Assert.Contains(
                    "as a matrix", Assert.Throws<InvalidDataException>(() => pager.Open<T>(path, asked)).Message, StringComparison.Ordinal);
                return;
            }

            using PagedArray<T> array = pager.Open<T>(path, asked);
            AssertHolds(array, expected);
            for (int i = 0; i < 50; i++)
            {
                int at = rng.Next(expected.Length);
                Assert.Equal(expected[at], array[at]);
            }
        }
    }

    [Fact]
    public void A_single_number_is_an_array_of_one()
    {
        new Zarr([], [], null, "int32", 4) { Compressor = null }.Write(Name, BitConverter.GetBytes(77));
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name);
        Assert.Equal((1, 77), (array.Length, array[0]));
        using PagedMatrix<int> matrix = pager.OpenMatrix<int>(Name);
        Assert.Equal((1, 1, 77), (matrix.Rows, matrix.Columns, matrix[0, 0]));
    }

    [Fact]
    public void Opening_reads_metadata_and_a_fault_its_chunk()
    {
        int[] contents = [.. Enumerable.Range(0, 300_000)];
        Save<int>(contents);
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name);
        Assert.Equal(Held.PageBytes, array.PageBytes);
        Assert.Equal(0, pager.GetStatistics().BytesRead);
        Assert.Equal(123_456, array[123_456]);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((1, 1, 0), (now.Faults, now.FaultsFromFile, now.CorruptedPages));
        Assert.InRange(now.BytesRead, 1, 2 * Held.PageBytes);
    }

    [Fact]
    public void Zeroes_take_no_room()
    {
        using var pager = new Pager(Held.Options());
        using (PagedArray<long> array = pager.Allocate<long>(1L << 30))
        {
            array[1L << 29] = 5;
            array.Save(Name, cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Single(Directory.GetFiles(Path.Combine(Name, "c")));
        using PagedArray<long> opened = pager.Open<long>(Name);
        Assert.Equal((5, 0, 0), (opened[1L << 29], opened[(1L << 29) - 1], opened[(1L << 30) - 1]));
        Assert.Equal(1L << 30, opened.Length);
    }

    [Fact]
    public void Writes_stay_in_the_array_and_can_be_saved()
    {
        int[] contents = [.. Enumerable.Range(0, 100_000)];
        Save<int>(contents);
        using var pager = new Pager(Held.Options(1, Held.File()));
        using PagedArray<int> array = pager.Open<int>(Name);
        for (int i = 0; i < contents.Length; i += 1_500)
            array[i] = contents[i] = -i;
        array.Discard(50_000, 5_000);
        contents.AsSpan(50_000, 5_000).Clear();
        Internals.PageOutAll(Internals.Domain(pager));
        using (PagedArray<int> other = pager.Open<int>(Name))
            Assert.Equal((3_000, 50_001), (other[3_000], other[50_001]));

        // Over the dataset that it was opened from: it stays what it is, and so does the other one that is open.
        using PagedArray<int> before = pager.Open<int>(Name);
        array.Save(Name, new DatasetOptions { Overwrite = true }, cancellationToken: TestContext.Current.CancellationToken);
        AssertHolds(array, contents);
        using (PagedArray<int> after = pager.Open<int>(Name))
            AssertHolds(after, contents);
        AssertHolds(before, [.. Enumerable.Range(0, 100_000)]);
    }

    [Fact]
    public void What_was_replaced_is_deleted_when_nobody_has_it_open()
    {
        Save<int>([1, 2, 3]);
        using (var pager = new Pager(Held.Options()))
        {
            PagedArray<int> array = pager.Open<int>(Name);
            Save<int>([4, 5], new DatasetOptions { Overwrite = true });
            Save<int>([6], new DatasetOptions { Overwrite = true });
            Assert.Equal([1, 2, 3], Copy(array));
            Assert.Equal(3, Directory.GetFileSystemEntries(_directory.Path).Length);
            array.Dispose();
        }

        Assert.Equal([Name], Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void Files_are_closed_when_the_array_is_disposed_or_dropped()
    {
        Save<int>([.. Enumerable.Range(0, 100_000)], new DatasetOptions { ShardBytes = 10_000 });
        using var pager = new Pager(Held.Options());
        int before = _directory.OpenFiles();
        using (PagedArray<int> array = pager.Open<int>(Name))
        {
            Assert.Equal(Enumerable.Range(0, 100_000).Sum(static i => (long)i), Copy(array).Sum(static i => (long)i));
            Assert.InRange(_directory.OpenFiles(), before + 30, before + 300);
        }

        Assert.Equal(before, _directory.OpenFiles());
        Drop(pager);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(before, _directory.OpenFiles());

        [MethodImpl(MethodImplOptions.NoInlining)]
        void Drop(Pager pager) => Assert.Equal(7, pager.Open<int>(Name)[7]);
    }

    [Fact]
    public void A_clone_keeps_the_dataset_open()
    {
        int[] contents = [.. Enumerable.Range(0, 50_000)];
        Save<int>(contents, new DatasetOptions { ShardBytes = 20_000 });
        using var pager = new Pager(Held.Options());
        int before = _directory.OpenFiles();
        PagedArray<int> array = pager.Open<int>(Name);
        array[7] = -7;
        PagedArray<int> clone = array.Clone();
        array[8] = -8;
        array.Dispose();
        contents[7] = -7;
        AssertHolds(clone, contents);
        clone.Dispose();
        Assert.Equal(before, _directory.OpenFiles());
    }

    /// <summary>Pages hold fewer rows than would fit where that is how chunks are: a clone has the same pages.</summary>
    [Theory]
    [InlineData(100, 1_000)]
    [InlineData(7, 100)]
    public void A_clone_has_the_pages_of_its_original(int chunkRows, int columns)
    {
        const int Rows = 1_000;
        byte[] contents = new byte[Rows * columns * 4];
        var rng = new Rng(3);
        Content.Write(ContentKind.Noise, rng.Next(), contents.AsSpan());
        new Zarr([Rows, columns], [chunkRows, columns], null, "float32", 4).Write(Name, contents);
        using var pager = new Pager(new PagerOptions { ResidentBytes = 8 << 20, PoolBytes = 64 << 20, BackgroundThreads = 0 });
        using PagedMatrix<float> matrix = pager.OpenMatrix<float>(Name);
        Assert.NotEqual(matrix.PageBytes / (4 * columns), matrix.RowsPerPage);
        using (WriteLease<float> lease = matrix.WriteRow(Rows - 1))
            lease.Span.Fill(5);
        using PagedMatrix<float> clone = matrix.Clone();
        Assert.Equal((matrix.RowsPerPage, matrix.PageBytes), (clone.RowsPerPage, clone.PageBytes));
        var seen = new float[(Rows - 1) * columns];
        clone.CopyTo(0, seen);
        Assert.True(Same(MemoryMarshal.Cast<byte, float>(contents)[..seen.Length], seen));
        Assert.Equal(5, clone[Rows - 1, columns - 1]);
    }

    /// <summary>Another program changes an attribute, and writes the metadata anew: what is in no chunk holds the fill value as before.</summary>
    [Fact]
    public void Metadata_may_be_written_anew_if_it_means_the_same()
    {
        using var pager = new Pager(Held.Options());
        using (PagedArray<int> array = pager.Allocate<int>(100_000))
        {
            array[0] = 1;
            array[99_999] = 2;
            array.Save(Name, new DatasetOptions { ShardBytes = 10_000 }, cancellationToken: TestContext.Current.CancellationToken);
        }

        using PagedArray<int> opened = pager.Open<int>(Name);
        string json = Path.Combine(Name, "zarr.json");
        string text = File.ReadAllText(json);
        File.WriteAllText(json + ".new", text.Replace("\"attributes\": {", "\"attributes\": { \"unit\": \"metres\",", StringComparison.Ordinal));
        File.Move(json + ".new", json, overwrite: true);
        Assert.Equal((1, 0, 2), (opened[0], opened[50_000], opened[99_999]));
        File.WriteAllText(json, text.Replace("100000", "100001", StringComparison.Ordinal));
        Assert.Throws<PageCorruptedException>(() => opened[70_000]);
    }

    [Fact]
    public void More_files_than_can_be_open_are_read()
    {
        int[] contents = [.. Enumerable.Range(0, 500_000)];
        Save<int>(contents, new DatasetOptions { ShardBytes = 1 });
        Assert.InRange(Directory.GetFiles(Path.Combine(Name, "c")).Length, 480, 500);
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name);
        int before = _directory.OpenFiles();
        for (int round = 0; round < 2; round++)
        {
            AssertHolds(array, contents);
            Assert.InRange(_directory.OpenFiles(), before, before + 256);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Threads_read_and_write_beside_one_another(int backgroundThreads) => Seeded.Run(seed =>
    {
        const int Rows = 3_000;
        const int Columns = 130;
        var contents = new int[Rows * Columns];
        for (int i = 0; i < contents.Length; i++)
            contents[i] = i * 7;
        using var pager = new Pager(Held.Options(backgroundThreads, Held.File()));
        using (PagedMatrix<int> matrix = pager.AllocateMatrix<int>(Rows, Columns))
        {
            matrix.CopyFrom(0, contents);
            matrix.Save(Name, new DatasetOptions { ShardBytes = 100_000, ChunkBytes = 3_000 });
        }

        using PagedMatrix<int> opened = pager.OpenMatrix<int>(Name);
        var rng = new Rng(seed);
        ulong[] seeds = [.. Enumerable.Range(0, 6).Select(_ => rng.Next())];
        Parallel.For(0, seeds.Length, new ParallelOptions { MaxDegreeOfParallelism = seeds.Length }, thread =>
        {
            var own = new Rng(seeds[thread]);
            var written = new HashSet<int>();
            var rows = new long[40];
            var gathered = new int[40 * Columns];
            for (int i = 0; i < 1_500; i++)
            {
                int row = own.Next(Rows);
                if (row % seeds.Length == thread && own.Chance(30))
                {
                    using WriteLease<int> lease = opened.WriteRow(row);
                    lease.Span.Fill(-row);
                    written.Add(row);
                }
                else if (i % 50 == 0)
                {
                    for (int j = 0; j < rows.Length; j++)
                        rows[j] = own.Next((long)Rows);
                    opened.Gather(rows, gathered);
                    for (int j = 0; j < rows.Length; j++)
                        AssertRow(
                            (int)rows[j],
                            gathered.AsSpan(j * Columns, Columns),
                            rows[j] % seeds.Length == thread ? written.Contains((int)rows[j]) : null);
                }
                else
                {
                    using ReadLease<int> lease = opened.ReadRow(row);
                    AssertRow(row, lease.Span, row % seeds.Length == thread ? written.Contains(row) : null);
                }
            }
        });
        Assert.Equal(0, pager.GetStatistics().CorruptedPages);

        // Of another thread's rows it is not known whether they were written, or are being.
        static void AssertRow(int row, ReadOnlySpan<int> seen, bool? isWritten)
        {
            for (int i = 0; i < Columns; i++)
            {
                int read = (row * Columns + i) * 7;
                if (!(isWritten == true ? seen[i] == -row : isWritten == false ? seen[i] == read : seen[i] == read || seen[i] == -row))
                    Assert.Fail($"Element {i} of row {row} is {seen[i]}.");
            }
        }
    });

    [Fact]
    public async Task Prefetched_chunks_are_read_together()
    {
        byte[] contents = new byte[64 * Held.PageBytes];
        var rng = new Rng(1);
        Content.Write(ContentKind.Noise, rng.Next(), contents.AsSpan());
        Save<byte>(contents);
        using var pager = new Pager(Held.Options() with { ResidentBytes = 128 * Held.PageBytes });
        using PagedArray<byte> array = pager.Open<byte>(Name);
        _ = array[0];
        await Ahead.Prefetch(array, 0, 48 * Held.PageBytes);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(47, now.PrefetchedPages);
        AssertHolds(array, contents);
    }

    private static void Fill(ref Rng rng, Span<byte> contents)
    {
        while (!contents.IsEmpty)
        {
            int length = Math.Min(contents.Length, 1 + rng.Next(20_000));
            Content.Write(Content.Pick(ref rng), rng.Next(), contents[..length]);
            contents = contents[length..];
        }
    }

    private void Save<T>(ReadOnlySpan<T> contents, DatasetOptions? options = null) where T : unmanaged
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<T> array = pager.From(contents);
        array.Save(Name, options);
    }

    private static T[] Copy<T>(PagedArray<T> array) where T : unmanaged
    {
        var seen = new T[array.Length];
        array.CopyTo(0, seen);
        return seen;
    }

    private static void AssertHolds<T>(PagedArray<T> array, ReadOnlySpan<T> contents) where T : unmanaged
    {
        Assert.Equal(contents.Length, array.Length);
        Assert.True(Same(contents, Copy(array)), "the contents are others");
    }

    private static bool Same<T>(ReadOnlySpan<T> one, ReadOnlySpan<T> other) where T : unmanaged =>
        MemoryMarshal.AsBytes(one).SequenceEqual(MemoryMarshal.AsBytes(other));

    [InlineArray(4 << 20)]
    private struct Huge
    {
        private byte _first;
    }
}
