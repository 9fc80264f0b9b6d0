using System.Buffers.Binary;
using System.Globalization;
using K4os.Compression.LZ4;
using ZstdSharp;

namespace Paging.Tests.Formats;

/// <summary>How a dataset of the tests is written: what other programs write, by other code than the library's, byte by byte.</summary>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Chunk">Those of a chunk.</param>
/// <param name="Shard">Those of a shard; null for none.</param>
/// <param name="DataType">Its elements.</param>
/// <param name="ElementBytes">Their length.</param>
internal sealed record Zarr(long[] Shape, long[] Chunk, long[]? Shard, string DataType, int ElementBytes)
{
    public const string Bytes = """{"name":"bytes","configuration":{"endian":"little"}}""";
    public const string Checksum = """{"name":"crc32c"}""";

    /// <summary>The codec of a chunk, as text; null for none.</summary>
    public string? Compressor { get; init; } = """{"name":"blosc","configuration":{"cname":"zstd","clevel":5,"shuffle":"bitshuffle","typesize":4,"blocksize":0}}""";

    public Func<byte[], byte[]> Compress { get; init; } = static data => Blosc(data, 4, codec: 4, filter: 2, block: data.Length, isSplit: false);

    public bool HasChecksum { get; init; }

    public bool IsIndexAtEnd { get; init; } = true;

    public bool HasIndexChecksum { get; init; } = true;

    public string KeyEncoding { get; init; } = """{"name":"default","configuration":{"separator":"/"}}""";

    public string FillValue { get; init; } = "0";

    /// <summary>Chunks, by number, that are not written.</summary>
    public Func<long, bool> IsMissing { get; init; } = static _ => false;

    private long ElementsPerChunk => Product(Chunk);

    private string Codecs => $"[{Bytes}{(Compressor is null ? "" : $",{Compressor}")}{(HasChecksum ? $",{Checksum}" : "")}]";

    /// <summary>The metadata.</summary>
    public string Json => string.Concat(
        "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[", Join(Shape), "],\"data_type\":\"", DataType, "\",\n",
        "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[", Join(Shard ?? Chunk), "]}},\n",
        "\"chunk_key_encoding\":", KeyEncoding, ",\"fill_value\":", FillValue, ",\n",
        "\"codecs\":", Shard is null ? Codecs : Sharding, ",\n",
        "\"attributes\":{\"someone\":\"else\"},\"dimension_names\":[", string.Join(",", Shape.Select(static (_, i) => $"\"d{i}\"")), "]}");

    private string Sharding => string.Concat(
        "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[", Join(Chunk), "],\"codecs\":", Codecs,
        ",\"index_codecs\":[", Bytes, HasIndexChecksum ? $",{Checksum}" : "", "]", IsIndexAtEnd ? "" : ",\"index_location\":\"start\"", "}}]");

    /// <summary>Writes it.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="elements">All elements in C order, as bytes.</param>
    public void Write(string directory, byte[] elements)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "zarr.json"), Json);
        foreach ((string name, byte[] bytes) in Files(elements))
        {
            string path = Path.Combine(directory, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
    }

    /// <summary>The files beside the metadata, by their name from the directory on.</summary>
    /// <param name="elements">All elements in C order, as bytes.</param>
    public IEnumerable<(string Name, byte[] Bytes)> Files(byte[] elements)
    {
        long files = Shape.Length == 0 ? 1 : Up(Shape[0], (Shard ?? Chunk)[0]);
        long perFile = Shard is null || Shape.Length == 0 ? 1 : Shard[0] / Chunk[0];
        long stride = Shard is null ? 1 : Product(Shard) / ElementsPerChunk / perFile;
        for (long file = 0; file < files; file++)
        {
            var body = new List<byte>();
            var index = new ulong[2 * perFile * stride];
            Array.Fill(index, ulong.MaxValue);
            long indexBytes = Shard is null ? 0 : (8L * index.Length) + (HasIndexChecksum ? 4 : 0);
            for (long i = 0; i < perFile; i++)
            {
                long chunk = (file * perFile) + i;
                if (Shape.Length != 0 && chunk * Chunk[0] >= Shape[0] || IsMissing(chunk))
                    continue;
                byte[] encoded = Encode(ChunkOf(chunk, elements));

                // Not one right behind the other.
                body.AddRange(new byte[chunk % 3]);
                index[2 * i * stride] = (ulong)(body.Count + (IsIndexAtEnd ? 0 : indexBytes));
                index[(2 * i * stride) + 1] = (ulong)encoded.Length;
                if (Shard is null)
                    body.Clear();
                body.AddRange(encoded);
            }

            if (body.Count == 0)
                continue;
            byte[] told = [.. index.SelectMany(static entry => BitConverter.GetBytes(entry))];
            told = Shard is null ? [] : HasIndexChecksum ? [.. told, .. BitConverter.GetBytes(Crc(told))] : told;
            yield return (Name(file), IsIndexAtEnd ? [.. body, .. told] : [.. told, .. body]);
        }
    }

    /// <summary>A chunk of blosc.</summary>
    /// <param name="data">What is in it.</param>
    /// <param name="element">The length of an element.</param>
    /// <param name="codec">1 for LZ4, 4 for Zstd.</param>
    /// <param name="filter">0 for none, 1 for bytes, 2 for bits.</param>
    /// <param name="block">The length of a block.</param>
    /// <param name="isSplit">Whether a block is as many streams as an element has bytes.</param>
    public static byte[] Blosc(byte[] data, int element, int codec, int filter, int block, bool isSplit)
    {
        var streams = new List<byte[]>();
        int blocks = (data.Length + block - 1) / block;
        for (int i = 0; i < blocks; i++)
        {
            byte[] part = data[(i * block)..Math.Min(data.Length, (i + 1) * block)];
            part = filter switch { 1 => Shuffle(part, element), 2 => BitShuffle(part, element), _ => part };
            int splits = isSplit && part.Length == block ? element : 1;
            streams.Add([.. part.Chunk(part.Length / splits).SelectMany(piece => Stream(piece, codec))]);
        }

        var chunk = new List<byte> { 2, 1, (byte)((filter == 1 ? 1 : filter == 2 ? 4 : 0) | (isSplit ? 0 : 16) | (codec << 5)), (byte)element };
        int total = 16 + (4 * blocks) + streams.Sum(static stream => stream.Length);
        chunk.AddRange(BitConverter.GetBytes(data.Length));
        chunk.AddRange(BitConverter.GetBytes(block));
        chunk.AddRange(BitConverter.GetBytes(total));
        int at = 16 + (4 * blocks);
        foreach (byte[] stream in streams)
        {
            chunk.AddRange(BitConverter.GetBytes(at));
            at += stream.Length;
        }

        foreach (byte[] stream in streams)
            chunk.AddRange(stream);
        return [.. chunk];
    }

    public static byte[] Zstd(byte[] data)
    {
        using var compressor = new Compressor(3);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(data).ToArray();
    }

    /// <summary>The checksum of Castagnoli, bit by bit.</summary>
    public static uint Crc(ReadOnlySpan<byte> data)
    {
        uint crc = ~0u;
        foreach (byte one in data)
        {
            crc ^= one;
            for (int i = 0; i < 8; i++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }

        return ~crc;
    }

    private static IEnumerable<byte> Stream(byte[] data, int codec)
    {
        byte[] encoded;
        if (codec == 4)
        {
            using var compressor = new Compressor(3);
            encoded = compressor.Wrap(data).ToArray();
        }
        else
        {
            encoded = new byte[LZ4Codec.MaximumOutputSize(data.Length)];
            encoded = encoded[..LZ4Codec.Encode(data, encoded)];
        }

        encoded = encoded.Length >= data.Length ? data : encoded;
        return [.. BitConverter.GetBytes(encoded.Length), .. encoded];
    }

    private static byte[] Shuffle(byte[] data, int element)
    {
        byte[] shuffled = [.. data];
        int count = data.Length / element;
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < element; k++)
                shuffled[(k * count) + i] = data[(i * element) + k];
        }

        return shuffled;
    }

    private static byte[] BitShuffle(byte[] data, int element)
    {
        int count = data.Length / element;
        if (count % 8 != 0)
            return data;
        byte[] shuffled = [.. data];
        Array.Clear(shuffled, 0, count * element);
        for (int i = 0; i < count; i++)
        {
            for (int bit = 0; bit < 8 * element; bit++)
            {
                int value = (data[(i * element) + (bit / 8)] >> (bit % 8)) & 1;
                shuffled[(bit * count / 8) + (i / 8)] |= (byte)(value << (i % 8));
            }
        }

        return shuffled;
    }

    private byte[] Encode(byte[] data)
    {
        byte[] encoded = Compressor is null ? data : Compress(data);
        if (!HasChecksum)
            return encoded;
        byte[] checksum = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, Crc(encoded));
        return [.. encoded, .. checksum];
    }

    /// <summary>A chunk: what is beyond the array is garbage, as some writers leave it.</summary>
    private byte[] ChunkOf(long chunk, byte[] elements)
    {
        byte[] data = new byte[ElementsPerChunk * ElementBytes];
        Array.Fill(data, (byte)0xEE);
        if (Shape.Length == 0)
            return elements;
        long row = Product(Shape[1..]) * ElementBytes;
        long chunkRow = Product(Chunk[1..]) * ElementBytes;
        for (long i = 0; i < Chunk[0]; i++)
        {
            long from = (chunk * Chunk[0]) + i;
            if (from < Shape[0])
                elements.AsSpan((int)(from * row), (int)row).CopyTo(data.AsSpan((int)(i * chunkRow)));
        }

        return data;
    }

    private string Name(long file)
    {
        bool isDefault = KeyEncoding.Contains("default", StringComparison.Ordinal);
        string separator =
            KeyEncoding.Contains("\"/\"", StringComparison.Ordinal) ? "/"
            : KeyEncoding.Contains("\".\"", StringComparison.Ordinal) ? "."
            : isDefault ? "/" : ".";
        string[] numbers = [.. Shape.Select((_, i) => (i == 0 ? file : 0).ToString(CultureInfo.InvariantCulture))];
        return numbers.Length == 0 ? isDefault ? "c" : "0" : string.Join(separator, isDefault ? ["c", .. numbers] : numbers);
    }

    private static long Product(long[] numbers) => numbers.Aggregate(1L, static (product, number) => product * number);

    private static long Up(long number, long unit) => (number + unit - 1) / unit;

    private static string Join(long[] numbers) => string.Join(",", numbers);
}
