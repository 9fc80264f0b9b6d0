using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Paging.Formats;

/// <summary>Writes the metadata of a dataset.</summary>
internal static class ZarrWriter
{
    /// <summary>Our own among the attributes of the array.</summary>
    internal const string AttributeName = "paging";

    /// <summary>A checksum of what the metadata means, so that a damaged number is not taken for another one. Not of its text: other programs
    /// write that anew when they change an attribute.</summary>
    internal const string SealName = "seal";

    /// <summary>What is written.</summary>
    /// <param name="Shape">The dimensions.</param>
    /// <param name="ShardRows">Of the first dimension, in a shard.</param>
    /// <param name="ChunkRows">Of the first dimension, in a chunk.</param>
    /// <param name="Element">What elements are.</param>
    /// <param name="Codec">The name of the compressor within blosc; null where there is none.</param>
    /// <param name="Level">Its level, as blosc counts.</param>
    /// <param name="Shuffle">The filter that most chunks have: noshuffle, shuffle or bitshuffle. Each chunk says which is its own.</param>
    internal readonly record struct Description(
        long[] Shape, long ShardRows, long ChunkRows, ZarrElement Element, string? Codec, int Level, string Shuffle);

    /// <summary>The text of zarr.json.</summary>
    internal static byte[] Write(in Description of)
    {
        byte[] unsealed = Write(of, seal: null);
        return Write(of, ZarrMetadata.Parse("the dataset", unsealed).Seal);
    }

    /// <summary>The seal of metadata, whoever wrote it.</summary>
    internal static string SealOf(ZarrMetadata of)
    {
        // Without formatting of generic types, each of which would be compiled when the first dataset is opened.
        string text = "3|" + of.Shape + "|" + of.Element.Name + "|" + TensorShape.Join(",", of.FileShape) + "|"
            + TensorShape.Join(",", of.ChunkShape) + "|" + TextOf(of.Coding) + "|" + TextOf(of.Index) + "|" + of.Separator.ToString() + "|"
            + of.HasPrefix.ToString() + "|" + Convert.ToHexString(of.Fill);
        return XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text)).ToString("x16", CultureInfo.InvariantCulture);
    }

    /// <summary>What a seal says for the coding of chunks, for ever: datasets that were saved have it in theirs.</summary>
    private static string TextOf(ZarrCoding coding)
    {
        string compressor = coding.Compressor switch
        {
            ZarrCompressor.Blosc => "Blosc",
            ZarrCompressor.Zstd => "Zstd",
            _ => "None",
        };
        return "ZarrCoding { Compressor = " + compressor + ", HasChecksum = " + coding.HasChecksum.ToString() + " }";
    }

    private static string TextOf(ZarrIndex? index) => index is { } told
        ? "ZarrIndex { IsAtEnd = " + told.IsAtEnd.ToString() + ", HasChecksum = " + told.HasChecksum.ToString() + " }"
        : string.Empty;

    private static byte[] Write(in Description of, string? seal)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            json.WriteNumber("zarr_format", 3);
            json.WriteString("node_type", "array");
            WriteNumbers(json, "shape", of.Shape);
            json.WriteString("data_type", of.Element.Name);
            BeginExtension(json, "chunk_grid", "regular");
            WriteNumbers(json, "chunk_shape", [of.ShardRows, .. of.Shape[1..]]);
            EndExtension(json);
            BeginExtension(json, "chunk_key_encoding", "default");
            json.WriteString("separator", "/");
            EndExtension(json);
            WriteFill(json, of.Element);
            json.WriteStartArray("codecs");
            WriteSharding(json, of);
            json.WriteEndArray();
            json.WriteStartObject("attributes");
            if (seal is not null)
            {
                json.WriteStartObject(AttributeName);
                json.WriteString(SealName, seal);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    private static void WriteFill(Utf8JsonWriter json, ZarrElement element)
    {
        switch (element.Name)
        {
            case "bool":
                json.WriteBoolean("fill_value", false);
                break;
            case "complex64" or "complex128":
                WriteNumbers(json, "fill_value", [0, 0]);
                break;
            case ['r', ..]:
                WriteNumbers(json, "fill_value", new long[element.Bytes]);
                break;
            default:
                json.WriteNumber("fill_value", 0);
                break;
        }
    }

    private static void WriteSharding(Utf8JsonWriter json, in Description of)
    {
        BeginExtension(json, null, "sharding_indexed");
        WriteNumbers(json, "chunk_shape", [of.ChunkRows, .. of.Shape[1..]]);
        json.WriteStartArray("codecs");
        WriteBytes(json, of.Element.Bytes > 1);
        if (of.Codec is { } codec)
        {
            BeginExtension(json, null, "blosc");
            json.WriteString("cname", codec);
            json.WriteNumber("clevel", of.Level);
            json.WriteString("shuffle", of.Shuffle);
            json.WriteNumber("typesize", Math.Min(of.Element.Bytes, 255));
            json.WriteNumber("blocksize", 0);
            EndExtension(json);
        }

        WriteChecksum(json);
        json.WriteEndArray();
        json.WriteStartArray("index_codecs");
        WriteBytes(json, hasEndian: true);
        WriteChecksum(json);
        json.WriteEndArray();
        json.WriteString("index_location", "end");
        EndExtension(json);
    }

    private static void WriteBytes(Utf8JsonWriter json, bool hasEndian)
    {
        json.WriteStartObject();
        json.WriteString("name", "bytes");
        if (hasEndian)
        {
            json.WriteStartObject("configuration");
            json.WriteString("endian", "little");
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteChecksum(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", "crc32c");
        json.WriteEndObject();
    }

    private static void BeginExtension(Utf8JsonWriter json, string? property, string name)
    {
        if (property is null)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartObject(property);
        }

        json.WriteString("name", name);
        json.WriteStartObject("configuration");
    }

    private static void EndExtension(Utf8JsonWriter json)
    {
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>On one line, whatever the rest has: the fill value of raw bits is a number for each byte of an element, and with a line for
    /// each the text would be longer than what is read (<see cref="ZarrMetadata.MaxBytes"/>).</summary>
    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        var text = new StringBuilder("[");
        foreach (long number in numbers)
        {
            text.Append(text.Length == 1 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{number}");
        }

        json.WritePropertyName(name);
        json.WriteRawValue(text.Append(']').ToString());
    }
}
