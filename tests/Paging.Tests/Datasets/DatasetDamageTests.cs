using System.Globalization;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Datasets;

/// <summary>Whatever happens to the files of a dataset, nobody reads a wrong value: it is an exception for what is damaged, and for that
/// alone.</summary>
public sealed class DatasetDamageTests : IDisposable
{
    private const int Length = 3_000;

    private readonly TemporaryDirectory _directory = TemporaryDirectory.InMemory();

    private string Name => _directory.In("data");

    private string Shard => Path.Combine(Name, "c", "0");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(CompressionGoal.None)]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Ratio)]
    public void Every_byte_that_is_flipped_is_found(CompressionGoal goal) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        int[] contents = Save(goal);
        using var pager = new Pager(Held.Options());
        int found = 0;
        foreach (string path in Directory.GetFiles(Name, "*", SearchOption.AllDirectories))
        {
            byte[] right = File.ReadAllBytes(path);
            for (int i = 0; i < right.Length; i++)
            {
                byte[] wrong = [.. right];
                wrong[i] ^= (byte)(1 << rng.Next(8));
                File.WriteAllBytes(path, wrong);
                found += IsRefused(pager, contents, $"byte {i} of {path}") ? 1 : 0;
            }

            File.WriteAllBytes(path, right);
        }

        // All but the padding, and what in the metadata means nothing.
        Assert.True(found > 1_000, $"{found} were found");
        Assert.False(IsRefused(pager, contents, "nothing"));
    });

    [Fact]
    public void Every_length_that_it_is_cut_to_is_found()
    {
        int[] contents = Save(CompressionGoal.Speed);
        using var pager = new Pager(Held.Options());
        foreach (string path in Directory.GetFiles(Name, "*", SearchOption.AllDirectories))
        {
            byte[] right = File.ReadAllBytes(path);
            for (int length = 0; length < right.Length; length += length < right.Length - 600 && length > 600 ? 37 : 1)
            {
                File.WriteAllBytes(path, right[..length]);
                Assert.True(
                    IsRefused(pager, contents, $"{length} bytes of {path}")
                    || (path.EndsWith("json", StringComparison.Ordinal) && length == right.Length - 1));
            }

            File.WriteAllBytes(path, [.. right, .. right]);
            _ = IsRefused(pager, contents, $"{path} twice");
            File.WriteAllBytes(path, right);
        }
    }

    [Fact]
    public void A_damaged_chunk_is_an_exception_for_its_page_alone()
    {
        int[] contents = Save(CompressionGoal.Ratio);
        byte[] shard = File.ReadAllBytes(Shard);
        int first = (int)BitConverter.ToUInt64(shard, shard.Length - 4 - (3 * 16));
        shard[first + 40] ^= 1;
        File.WriteAllBytes(Shard, shard);
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name, new PagedArrayOptions { Name = "numbers" });
        PageCorruptedException e = Assert.Throws<PageCorruptedException>(() => array[5]);
        Assert.Equal(("numbers", 0L), (e.ArrayName, e.PageIndex));
        Assert.Contains(
            $"file '{Name}/c/0' of its dataset is damaged: the chunk at offset {first:N0}: it fails its checksum",
            e.Message,
            StringComparison.Ordinal);
        Assert.Contains("read this one again when the file is well", e.Message, StringComparison.Ordinal);
        Assert.Equal(contents[2_000], array[2_000]);
        Assert.Equal(1, pager.GetStatistics().CorruptedPages);

        // And it can be overwritten as a whole.
        array.Fill(0, 1_024, 9);
        Assert.Equal(9, array[5]);
    }

    /// <summary>One that has no checksum: then a chunk is somewhere else, or cannot be had, and no more than that happens.</summary>
    [Fact]
    public void An_index_may_say_anything() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        byte[] contents = new byte[40_000];
        Content.Write(ContentKind.Text, rng.Next(), contents.AsSpan());
        new Formats.Zarr([40_000], [1_000], [40_000], "uint8", 1) { HasIndexChecksum = false, HasChecksum = true }.Write(Name, contents);
        byte[] right = File.ReadAllBytes(Shard);
        ulong[] values =
        [
            0, 1, 15, 4_096, (ulong)right.Length, (ulong)right.Length - 1, int.MaxValue, uint.MaxValue, long.MaxValue, ulong.MaxValue,
            ulong.MaxValue - 1
        ];
        using var pager = new Pager(Held.Options());
        for (int i = 0; i < 300; i++)
        {
            byte[] wrong = [.. right];
            int at = right.Length - (8 * (1 + rng.Next(80)));
            BitConverter.TryWriteBytes(wrong.AsSpan(at), values[rng.Next(values.Length)]);
            File.WriteAllBytes(Shard, wrong);
            using PagedArray<byte> array = pager.Open<byte>(Name);
            for (int start = 0; start < contents.Length; start += 1_000)
            {
                try
                {
                    // It may name another chunk, which is whole, and nobody can know.
                    Assert.InRange(array[start + 7], 0, 'z');
                }
                catch (PageCorruptedException)
                {
                }
            }
        }
    });

    [Fact]
    public void A_dataset_that_is_deleted_or_replaced_meanwhile_is_an_exception()
    {
        int[] contents = Save(CompressionGoal.Speed, shardBytes: 4_096);
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name);
        Assert.Equal(contents[0], array[0]);
        File.Delete(Path.Combine(Name, "zarr.json"));
        File.Delete(Path.Combine(Name, "c", "2"));
        Assert.Contains(
            "it is gone: the dataset was deleted or replaced",
            Assert.Throws<PageCorruptedException>(() => array[2_500]).Message,
            StringComparison.Ordinal);
        Assert.Equal(contents[1_500], array[1_500]);
    }

    /// <summary>A file that is not there was never written, as far as anyone can know: its elements hold the fill value.</summary>
    [Fact]
    public void A_missing_shard_holds_the_fill_value()
    {
        Save(CompressionGoal.Speed, shardBytes: 4_096);
        File.Delete(Path.Combine(Name, "c", "1"));
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Open<int>(Name);
        Assert.Equal(0, array[1_500]);
    }

    [Fact]
    public void What_is_no_dataset_is_said_to_be_none()
    {
        using var pager = new Pager(Held.Options());
        Throws<DirectoryNotFoundException>("there is nothing of that name");
        File.WriteAllText(Name, "x");
        Throws<IOException>("no directory");
        File.Delete(Name);
        Directory.CreateDirectory(Name);
        Throws<InvalidDataException>("it has no zarr.json");
        File.WriteAllText(Path.Combine(Name, ".zarray"), "{}");
        Throws<InvalidDataException>("version 2 of the Zarr format");
        Directory.CreateDirectory(Path.Combine(Name, "zarr.json"));
        Throws<InvalidDataException>("no regular file");
        Directory.Delete(Path.Combine(Name, "zarr.json"));
        File.WriteAllBytes(Path.Combine(Name, "zarr.json"), []);
        Throws<InvalidDataException>("damaged zarr.json");
        Directory.Delete(Name, recursive: true);
        Save(CompressionGoal.Speed);
        ArgumentException e = Assert.Throws<ArgumentException>(() => pager.Open<float>(Name));
        Assert.Contains($"'{Name}' holds int32, in the shape (3000). Single was asked for. Ask for Int32", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => pager.Open<int>(""));
        Assert.Throws<ArgumentException>(() => pager.Open<int>("a\0b"));
        Directory.Delete(Path.Combine(Name, "c"), recursive: true);
        Directory.CreateDirectory(Path.Combine(Name, "c", "0"));
        using PagedArray<int> array = pager.Open<int>(Name);
        Assert.Contains("it is no file", Assert.Throws<PageCorruptedException>(() => array[0]).Message, StringComparison.Ordinal);

        void Throws<T>(string expected) where T : Exception =>
            Assert.Contains(expected, Assert.Throws<T>(() => pager.Open<int>(Name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Chunks_that_are_too_large_are_refused_with_their_size()
    {
        using var pager = new Pager(Held.Options());
        new Formats.Zarr([10], [1L << 30], null, "uint8", 1) { IsMissing = static _ => true }.Write(Name, new byte[10]);
        Assert.Contains(
            "decode to 1,073,741,824 bytes", Assert.Throws<InvalidDataException>(() => pager.Open<byte>(Name)).Message, StringComparison.Ordinal);
        Directory.Delete(Name, recursive: true);

        // Of bytes as they are, any part can be read.
        new Formats.Zarr([10], [1L << 30], null, "uint8", 1) { Compressor = null, IsMissing = static _ => true, FillValue = "3" }
            .Write(Name, new byte[10]);
        using PagedArray<byte> array = pager.Open<byte>(Name);
        Assert.Equal(3, array[9]);
        Directory.Delete(Name, recursive: true);
        Directory.CreateDirectory(Name);
        File.WriteAllText(Path.Combine(Name, "zarr.json"), new Formats.Zarr([10], [1], [1L << 30], "uint8", 1).Json);
        Assert.Contains(
            "1,073,741,824 chunks each", Assert.Throws<InvalidDataException>(() => pager.Open<byte>(Name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_items_than_an_array_can_have_are_the_datasets_fault()
    {
        using var pager = new Pager(Held.Options());
        Directory.CreateDirectory(Name);
        string metadata = Path.Combine(Name, "zarr.json");
        File.WriteAllText(metadata, new Formats.Zarr([1L << 50, 3], [4, 3], null, "uint8", 1).Json);
        Assert.Contains(
            "has 1,125,899,906,842,624 items of 3 bytes",
            Assert.Throws<InvalidDataException>(() => pager.OpenMatrix<byte>(Name)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "has 3,377,699,720,527,872 items of 1 bytes",
            Assert.Throws<InvalidDataException>(() => pager.Open<byte>(Name)).Message,
            StringComparison.Ordinal);

        // Pages that hold whole chunks hold fewer items than pages that do not, which are as good where they are needed.
        long rows = (1L << 45) / 4096 * 1365;
        File.WriteAllText(metadata, new Formats.Zarr([rows, 3], [700, 3], null, "uint8", 1) { FillValue = "5" }.Json);
        using PagedMatrix<byte> all = pager.OpenMatrix<byte>(Name, new PagedArrayOptions { PageBytes = 4096 });
        Assert.Equal(5, all[rows - 1, 2]);
    }

    /// <returns>Whether it was refused: at opening, or by pages. What is read otherwise must be right.</returns>
    private bool IsRefused(Pager pager, int[] contents, string what)
    {
        PagedArray<int> array;
        try
        {
            array = pager.Open<int>(Name);
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            return true;
        }

        bool isRefused = false;
        using (array)
        {
            Assert.True(array.Length == contents.Length, $"{what}: {array.Length} elements");
            for (int page = 0; page < array.PageCount; page++)
            {
                try
                {
                    int start = page * array.PageLength;
                    int[] seen = new int[Math.Min(array.PageLength, contents.Length - start)];
                    array.CopyTo(start, seen);
                    Assert.True(
                        seen.AsSpan().SequenceEqual(contents.AsSpan(start, seen.Length)),
                        string.Create(CultureInfo.InvariantCulture, $"{what}: page {page} is another"));
                }
                catch (PageCorruptedException)
                {
                    isRefused = true;
                }
            }
        }

        return isRefused;
    }

    private int[] Save(CompressionGoal goal, long shardBytes = 1 << 20)
    {
        int[] contents = [.. Enumerable.Range(0, Length).Select(static i => i * i)];
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.From<int>(contents);
        array.Save(Name, new DatasetOptions { Compression = goal, ShardBytes = shardBytes });
        return contents;
    }
}
