using System.Text;
using Paging.Formats;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Formats;

/// <summary>Metadata of Zarr arrays: what others write is read, what cannot be had is refused with what it is, and what is damaged is an
/// exception and never anything else.</summary>
public sealed class ZarrMetadataTests
{
    private static readonly Zarr s_usual = new([100, 7], [10, 7], [50, 7], "float32", 4);

    private static ZarrMetadata Parse(string json) => ZarrMetadata.Parse("the dataset", Encoding.UTF8.GetBytes(json));

    private static string Refusal(string json) => Assert.Throws<InvalidDataException>(() => Parse(json)).Message;

    /// <summary>With a piece of the usual text replaced, which must be there.</summary>
    private static string With(string old, string @new, Zarr? zarr = null)
    {
        string json = (zarr ?? s_usual).Json;
        Assert.Contains(old, json, StringComparison.Ordinal);
        return json.Replace(old, @new, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_usual_is_read()
    {
        ZarrMetadata metadata = Parse(s_usual.Json);
        Assert.Equal([100L, 7L], metadata.Shape.ToList());
        Assert.Equal([50L, 7L], metadata.FileShape);
        Assert.Equal([10L, 7L], metadata.ChunkShape);
        Assert.Equal(new ZarrCoding(ZarrCompressor.Blosc, HasChecksum: false), metadata.Coding);
        Assert.Equal(new ZarrIndex(IsAtEnd: true, HasChecksum: true), metadata.Index);
        Assert.Equal((5L, 5L), metadata.ChunksAFile);
        Assert.Equal("c/1/0", metadata.FileNameOf(1));
        Assert.True(metadata.Element.Holds<float>());
        Assert.Equal(new byte[4], metadata.Fill);
    }

    [Theory]
    [InlineData("\"default\"", "c/3/0")]
    [InlineData("""{"name":"default"}""", "c/3/0")]
    [InlineData("""{"name":"default","configuration":{"separator":"."}}""", "c.3.0")]
    [InlineData("""{"name":"v2"}""", "3.0")]
    [InlineData("""{"name":"v2","configuration":{"separator":"/"}}""", "3/0")]
    public void Files_have_the_names_that_it_says(string encoding, string expected) =>
        Assert.Equal(expected, Parse((s_usual with { KeyEncoding = encoding }).Json).FileNameOf(3));

    [Theory]
    [InlineData("bool", "true", typeof(bool), "01")]
    [InlineData("int8", "-1", typeof(sbyte), "FF")]
    [InlineData("int16", "-2", typeof(short), "FEFF")]
    [InlineData("int32", "7", typeof(int), "07000000")]
    [InlineData("int64", "-9223372036854775808", typeof(long), "0000000000000080")]
    [InlineData("uint8", "255", typeof(byte), "FF")]
    [InlineData("uint16", "1", typeof(ushort), "0100")]
    [InlineData("uint16", "1", typeof(char), "0100")]
    [InlineData("uint32", "4294967295", typeof(uint), "FFFFFFFF")]
    [InlineData("uint64", "18446744073709551615", typeof(ulong), "FFFFFFFFFFFFFFFF")]
    [InlineData("float16", "1.5", typeof(Half), "003E")]
    [InlineData("float32", "\"NaN\"", typeof(float), "0000C07F")]
    [InlineData("float32", "\"0x7fc00001\"", typeof(float), "0100C07F")]
    [InlineData("float32", "\"-Infinity\"", typeof(float), "000080FF")]
    [InlineData("float64", "0.1", typeof(double), "9A9999999999B93F")]
    [InlineData("complex64", "[1, \"NaN\"]", typeof(Pair), "0000803F0000C07F")]
    [InlineData("complex128", "[0, 0]", typeof(System.Numerics.Complex), "00000000000000000000000000000000")]
    [InlineData("r24", "[1, 2, 3]", typeof(Three), "010203")]
    [InlineData("r24", "\"AQID\"", typeof(Three), "010203")]
    public void Types_and_fill_values_are_those_of_the_specification(string name, string fill, Type type, string bytes)
    {
        ZarrMetadata metadata = Parse((s_usual with { DataType = name, FillValue = fill }).Json);
        Assert.Equal(bytes, Convert.ToHexString(metadata.Fill));
        Assert.Equal(bytes.Length / 2, metadata.Element.Bytes);
        bool holds = (bool)typeof(ZarrElement).GetMethod("Holds", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!
            .MakeGenericMethod(type).Invoke(metadata.Element, null)!;
        Assert.True(holds);
        Assert.Equal(name == "uint8", metadata.Element.Holds<byte>());
        Assert.False(metadata.Element.Holds<decimal>());
    }

    [Theory]
    [InlineData("bool", "0")]
    [InlineData("int8", "128")]
    [InlineData("uint8", "-1")]
    [InlineData("int32", "1.5")]
    [InlineData("int32", "\"0\"")]
    [InlineData("float32", "\"nan\"")]
    [InlineData("float32", "\"0x7fc0\"")]
    [InlineData("complex64", "0")]
    [InlineData("r24", "[1, 2]")]
    [InlineData("r24", "[1, 2, 256]")]
    [InlineData("float64", "null")]
    public void A_fill_value_of_another_type_is_refused(string name, string fill) =>
        Assert.Contains("fill_value", Refusal((s_usual with { DataType = name, FillValue = fill }).Json), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"zarr_format\":3", "\"zarr_format\":2", "version 2")]
    [InlineData("\"zarr_format\":3", "\"zarr_format\":4", "version 4")]
    [InlineData("\"array\"", "\"group\"", "it is a group")]
    [InlineData("\"regular\"", "\"rectangular\"", "grid 'rectangular'")]
    [InlineData("\"float32\"", "\"string\"", "elements of the type 'string'")]
    [InlineData("\"float32\"", """{"name":"numpy.datetime64","configuration":{"unit":"s"}}""", "numpy.datetime64")]
    [InlineData("\"little\"", "\"big\"", "big-endian")]
    [InlineData("\"default\"", "\"suffix\"", "named in the way 'suffix'")]
    [InlineData("\"zstd\"", "\"blosclz\"", "'blosclz' within blosc")]
    [InlineData("\"name\":\"blosc\"", "\"name\":\"gzip\"", "gzip")]
    [InlineData("\"name\":\"blosc\"", "\"name\":\"lz77\"", "'lz77'; bytes, blosc, zstd and crc32c")]
    [InlineData("{\"name\":\"bytes\"", "{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}},{\"name\":\"bytes\"", "transposed")]
    [InlineData("\"attributes\"", "\"something\":{},\"attributes\"", "'something', which is not known")]
    [InlineData("\"attributes\"", "\"storage_transformers\":[{\"name\":\"x\"}],\"attributes\"", "storage transformers")]
    [InlineData("\"shape\":[100,7]", "\"shape\":[100,8]", "do not hold whole rows of its shape (100, 8). Save it with chunks that do: (10, 8)")]
    public void What_cannot_be_had_is_refused_by_its_name(string old, string @new, string expected)
    {
        string message = Refusal(With(old, @new));
        Assert.StartsWith("'the dataset' cannot be opened: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"shape\":[100,7]", "\"shape\":[100,-7]")]
    [InlineData("\"shape\":[100,7]", "\"shape\":[9223372036854775807,7]")]
    [InlineData("\"shape\":[100,7]", "\"shape\":7")]
    [InlineData("\"chunk_shape\":[50,7]", "\"chunk_shape\":[0,7]")]
    [InlineData("\"chunk_shape\":[50,7]", "\"chunk_shape\":[50]")]
    [InlineData("\"chunk_shape\":[50,7]", "\"chunk_shape\":[45,7]")]
    [InlineData("\"chunk_shape\":[50,7]", "\"chunk_shape\":[4611686018427387904,7]")]
    [InlineData("\"fill_value\":0,", "")]
    [InlineData("\"node_type\":\"array\",", "")]
    [InlineData("\"node_type\":\"array\"", "\"node_type\":\"array\",\"node_type\":\"array\"")]
    [InlineData("\"codecs\":[{\"name\":\"sharding_indexed\"", "\"codecs\":[{\"name\":7")]
    [InlineData(",\"configuration\":{\"endian\":\"little\"}", ",\"configuration\":{\"endian\":\"middle\"}")]
    public void What_is_damaged_is_said_to_be(string old, string @new) =>
        Assert.StartsWith("'the dataset' has a damaged zarr.json: ", Refusal(With(old, @new)), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"attributes\"", "\"something\":{\"must_understand\":false},\"attributes\"")]
    [InlineData("\"attributes\"", "\"storage_transformers\":[],\"attributes\"")]
    [InlineData("\"chunk_grid\"", "\"consolidated_metadata\":null,\"chunk_grid\"")]
    [InlineData("{\"name\":\"bytes\"", "{\"name\":\"transpose\",\"configuration\":{\"order\":[0,1]}},{\"name\":\"bytes\"")]
    [InlineData("\"zstd\"", "\"lz4hc\"")]
    public void What_does_not_matter_does_not_matter(string old, string @new) => Parse(With(old, @new));

    [Fact]
    public void A_sharded_dataset_may_have_columns_beyond_its_own()
    {
        ZarrMetadata metadata = Parse((s_usual with { Chunk = [10, 8], Shard = [50, 32] }).Json);
        Assert.Equal((20L, 5L), metadata.ChunksAFile);
        Assert.Equal((32L, 28L), metadata.RowBytes);
    }

    [Fact]
    public void What_is_written_is_sealed()
    {
        string json =
            Encoding.UTF8.GetString(ZarrWriter.Write(new ZarrWriter.Description([1_000], 100, 10, ZarrElement.Of<int>(), "zstd", 3, "shuffle")));
        Parse(json);

        // Another program may write it anew, in another order and with attributes of its own.
        using var document = System.Text.Json.JsonDocument.Parse(json);
        Parse("{" + string.Join(",", document.RootElement.EnumerateObject().Reverse().Select(static property => property.ToString())) + "}");
        foreach ((string old, string @new) in ((string, string)[])
            [("1000", "1001"), ("\"fill_value\": 0", "\"fill_value\": 1"), ("int32", "int16"), ("\"end\"", "\"start\"")])
        {
            Assert.Contains(old, json, StringComparison.Ordinal);
            Assert.Contains("seal", Refusal(json.Replace(old, @new, StringComparison.Ordinal)), StringComparison.Ordinal);
        }
    }

    /// <summary>A seal that was written once is right for ever.</summary>
    [Fact]
    public void Datasets_that_were_saved_before_keep_their_seals() => Parse(
        """
        {"zarr_format":3,"node_type":"array","shape":[65536,1024],"data_type":"float32",
        "chunk_grid":{"name":"regular","configuration":{"chunk_shape":[65536,1024]}},
        "chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,
        "codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[4,1024],"codecs":[
        {"name":"bytes","configuration":{"endian":"little"}},
        {"name":"blosc","configuration":{"cname":"zstd","clevel":3,"shuffle":"bitshuffle","typesize":4,"blocksize":0}},{"name":"crc32c"}],
        "index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"crc32c"}],"index_location":"end"}}],
        "attributes":{"paging":{"seal":"61c5c4968ea54064"}}}
        """);

    /// <summary>Either it is refused, or it means what it meant.</summary>
    [Fact]
    public void No_bit_of_what_is_written_can_be_another_unseen()
    {
        byte[] json = ZarrWriter.Write(new ZarrWriter.Description([1_000, 3], 100, 10, ZarrElement.Of<double>(), "lz4", 1, "bitshuffle"));
        string meant = ZarrWriter.SealOf(ZarrMetadata.Parse("x", json));
        int refused = 0;
        for (int i = 0; i < json.Length; i++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                json[i] ^= (byte)(1 << bit);
                try
                {
                    ZarrMetadata read = ZarrMetadata.Parse("x", json);
                    Assert.Equal(meant, ZarrWriter.SealOf(read));
                }
                catch (InvalidDataException)
                {
                    refused++;
                }

                json[i] ^= (byte)(1 << bit);
            }
        }

        Assert.True(refused > 4 * json.Length, $"{refused} of {8 * json.Length} were refused");
        for (int length = 0; length < json.Length - 1; length++)
            Assert.Throws<InvalidDataException>(() => ZarrMetadata.Parse("x", json.AsMemory(0, length)));
    }

    [Fact]
    public void Whatever_it_holds_it_is_read_or_refused() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        byte[] usual = Encoding.UTF8.GetBytes(s_usual.Json);
        string[] pieces =
        [
            "[", "]", "{", "}", "\"", ",", ":", "null", "-1", "1e400", "9223372036854775808", "\"name\"", "\"configuration\"", "[]", "{}",
            "\\u0000"
        ];
        for (int i = 0; i < 100_000; i++)
        {
            List<byte> forged = [.. usual];
            for (int j = rng.Next(4); j >= 0; j--)
            {
                int at = rng.Next(forged.Count);
                switch (rng.Next(4))
                {
                    case 0:
                        forged[at] = (byte)rng.Next(256);
                        break;
                    case 1:
                        forged.RemoveRange(at, Math.Min(forged.Count - at - 1, rng.Next(20)));
                        break;
                    case 2:
                        forged.InsertRange(at, Encoding.UTF8.GetBytes(pieces[rng.Next(pieces.Length)]));
                        break;
                    default:
                        int from = rng.Next(forged.Count);
                        forged.InsertRange(at, forged.GetRange(from, Math.Min(forged.Count - from, rng.Next(60))));
                        break;
                }
            }

            try
            {
                ZarrMetadata metadata = ZarrMetadata.Parse("x", forged.ToArray());
                _ = (metadata.ChunksAFile, metadata.RowBytes, metadata.FileNameOf(0));
            }
            catch (InvalidDataException)
            {
            }
        }
    });

    private readonly record struct Pair(float Real, float Imaginary);

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 3)]
    private readonly struct Three;
}
