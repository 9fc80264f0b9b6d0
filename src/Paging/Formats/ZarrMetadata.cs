using System.Text.Json;
using static Paging.Formats.ZarrJson;

namespace Paging.Formats;

/// <summary>What an array of the Zarr v3 format is: its zarr.json. What cannot be opened here is refused, with what it is.</summary>
/// <remarks>
/// <para>Opened is what maps to pages: little-endian elements of a fixed size, a regular grid, chunks that hold whole rows in C order, in
/// shards or not. Sources: the Zarr v3 core specification, and those of the codecs sharding_indexed, bytes, blosc, zstd and crc32c.</para>
/// <para>Nothing in it is trusted: it is bounded before memory is taken for it, and sizes are checked for overflow.</para>
/// </remarks>
internal sealed class ZarrMetadata
{
    /// <summary>The name of the file.</summary>
    internal const string FileName = "zarr.json";

    /// <summary>The longest file that is read.</summary>
    internal const int MaxBytes = 16 << 20;

    private const int MaxDimensions = 32;

    private static readonly string[] s_known =
    [
        "zarr_format", "node_type", "shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs", "attributes",
        "storage_transformers", "dimension_names", "consolidated_metadata",
    ];

    private readonly string _path;
    private string? _seal;

    private ZarrMetadata(string path) => _path = path;

    internal TensorShape Shape { get; private set; } = null!;

    internal ZarrElement Element { get; private set; } = null!;

    /// <summary>What elements hold that are in no chunk.</summary>
    internal byte[] Fill { get; private set; } = null!;

    /// <summary>The dimensions of what is in one file: a shard, or a chunk that is in none.</summary>
    internal long[] FileShape { get; private set; } = null!;

    /// <summary>The dimensions of what is encoded by itself.</summary>
    internal long[] ChunkShape { get; private set; } = null!;

    internal ZarrCoding Coding { get; private set; }

    /// <summary>Null when chunks are in no shards.</summary>
    internal ZarrIndex? Index { get; private set; }

    /// <summary>What stands between the numbers in the names of files: / or a point.</summary>
    internal char Separator { get; private set; }

    /// <summary>Whether names begin with a c.</summary>
    internal bool HasPrefix { get; private set; }

    /// <summary>A checksum of what it means, whoever wrote it: see <see cref="ZarrWriter.SealName"/>.</summary>
    internal string Seal => _seal ??= ZarrWriter.SealOf(this);

    /// <summary>Reads the metadata of an array.</summary>
    /// <param name="path">The dataset, named in exceptions.</param>
    /// <param name="json">Its zarr.json.</param>
    /// <exception cref="InvalidDataException">It is damaged, or says something that cannot be opened here; the message says what.</exception>
    internal static ZarrMetadata Parse(string path, ReadOnlyMemory<byte> json)
    {
        var metadata = new ZarrMetadata(path);
        try
        {
            using JsonDocument document = ZarrJson.Parse(json, allowDuplicates: false);
            metadata.Read(document.RootElement);
            return metadata;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // Strings that are no UTF-8 are invalid operations to the reader.
            throw metadata.Damaged(e.Message, e);
        }
    }

    /// <summary>Bytes of a row of a chunk, and of the array: a row is what the first dimension counts.</summary>
    internal (long Chunk, long Array) RowBytes => (RowOf(ChunkShape) * Element.Bytes, RowOf(Shape.Dimensions) * Element.Bytes);

    /// <summary>Chunks that a file has room for, and those of them that rows are counted by: others lie beyond the end of rows.</summary>
    internal (long All, long OfRows) ChunksAFile
    {
        get
        {
            long all = 1;
            for (int i = 0; i < FileShape.Length; i++)
            {
                all *= FileShape[i] / ChunkShape[i];
            }

            return (all, FileShape.Length == 0 ? 1 : FileShape[0] / ChunkShape[0]);
        }
    }

    /// <summary>The name of a file, relative to the dataset.</summary>
    /// <param name="number">Which along the first dimension.</param>
    internal string FileNameOf(long number)
    {
        int dimensions = FileShape.Length;
        if (dimensions == 0)
        {
            return HasPrefix ? "c" : "0";
        }

        string name = HasPrefix ? $"c{Separator}{number}" : $"{number}";
        for (int i = 1; i < dimensions; i++)
        {
            name += $"{Separator}0";
        }

        return name;
    }

    private static long RowOf(ReadOnlySpan<long> shape)
    {
        long row = 1;
        for (int i = 1; i < shape.Length; i++)
        {
            row *= shape[i];
        }

        return row;
    }

    private void Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Damaged("it is no object.");
        }

        CheckKind(root);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            // As the specification says: what is not known is refused, unless it says that it may be ignored.
            if (Array.IndexOf(s_known, property.Name) < 0 && !MayBeIgnored(property.Value))
            {
                throw Refused($"its metadata says '{property.Name}', which is not known here");
            }
        }

        if (Optional(root, "storage_transformers") is { } transformers && (!IsArray(transformers) || transformers.GetArrayLength() != 0))
        {
            throw Refused("it has storage transformers, none of which is known here");
        }

        ReadElement(Required(root, "data_type"));
        long[] shape = Numbers(Required(root, "shape"), "shape", min: 0);
        Shape = TensorShape.TryMake(shape, Element.Bytes)
            ?? throw Damaged($"the shape ({string.Join(", ", shape)}) is more than a dataset can hold.");
        FileShape = ReadGrid(Required(root, "chunk_grid"));
        ReadKeys(Required(root, "chunk_key_encoding"));
        Fill = Element.TryParseFill(Required(root, "fill_value"))
            ?? throw Damaged($"the fill_value {Short(Required(root, "fill_value"))} is none of {Element.Name}.");
        ReadCodecs(Required(root, "codecs"));
        CheckRows();
        if (Optional(root, "attributes") is { } attributes && attributes.ValueKind == JsonValueKind.Object)
        {
            CheckSeal(attributes);
        }
    }

    private void CheckKind(JsonElement root)
    {
        if (!(Optional(root, "zarr_format") is { ValueKind: JsonValueKind.Number } format && format.TryGetInt32(out int version)))
        {
            throw Damaged("it does not say zarr_format.");
        }

        if (version != 3)
        {
            throw Refused($"it is of version {version} of the format, and version 3 is what is read here");
        }

        string kind = Text(Required(root, "node_type"), "node_type");
        if (kind != "array")
        {
            throw kind == "group"
                ? Refused("it is a group. Open one of the arrays in it, which are directories of their own")
                : Damaged($"the node_type '{Short(kind)}' is neither array nor group.");
        }
    }

    private void ReadElement(JsonElement type)
    {
        string name = type.ValueKind == JsonValueKind.Object ? Name(type, "data_type") : Text(type, "data_type");
        Element = ZarrElement.TryParse(name)
            ?? throw Refused($"it holds elements of the type '{Short(name)}'; bool, (u)int8 to 64, float16 to 64, complex and raw bits can be had");
    }

    private long[] ReadGrid(JsonElement grid)
    {
        string name = Name(grid, "chunk_grid");
        if (name != "regular")
        {
            throw Refused($"its chunks lie in a grid '{Short(name)}', and only regular ones can be had");
        }

        return ShapeOf(Configuration(grid, "chunk_grid"), "chunk_grid");
    }

    /// <summary>The chunk_shape of a configuration, checked so that its bytes are a number.</summary>
    private long[] ShapeOf(JsonElement? configuration, string where)
    {
        if (configuration is not { } options)
        {
            throw Damaged($"its {where} has no configuration.");
        }

        CheckOptions(options, where, "chunk_shape", "codecs", "index_codecs", "index_location");
        long[] shape = Numbers(Required(options, "chunk_shape"), "chunk_shape", min: 1);
        if (shape.Length != Shape.Dimensions.Length)
        {
            throw Damaged($"its {where} has {shape.Length} dimensions, and its shape {Shape.Dimensions.Length}.");
        }

        return TensorShape.TryMake(shape, Element.Bytes) is not null
            ? shape
            : throw Damaged($"chunks of ({string.Join(", ", shape)}) are more than a file can hold.");
    }

    private void ReadKeys(JsonElement keys)
    {
        string name = Name(keys, "chunk_key_encoding");
        HasPrefix = name switch
        {
            "default" => true,
            "v2" => false,
            _ => throw Refused($"its files are named in the way '{Short(name)}', and default and v2 are known here"),
        };
        Separator = HasPrefix ? '/' : '.';
        if (Configuration(keys, "chunk_key_encoding") is { } options)
        {
            CheckOptions(options, "chunk_key_encoding", "separator");
            if (Optional(options, "separator") is { } separator)
            {
                Separator = Text(separator, "separator") switch
                {
                    "/" => '/',
                    "." => '.',
                    _ => throw Damaged("the separator of its chunk_key_encoding is neither / nor a point."),
                };
            }
        }
    }

    private void ReadCodecs(JsonElement codecs)
    {
        ChunkShape = FileShape;
        if (IsArray(codecs) && codecs.GetArrayLength() != 0 && Name(codecs[0], "codec") == "sharding_indexed")
        {
            if (codecs.GetArrayLength() != 1)
            {
                throw Refused($"its shards are encoded as a whole, with '{Short(Name(codecs[1], "codec"))}'");
            }

            ReadSharding(Configuration(codecs[0], "codec"));
            return;
        }

        Coding = ReadChain(codecs);
    }

    private void ReadSharding(JsonElement? configuration)
    {
        ChunkShape = ShapeOf(configuration, "sharding_indexed");
        for (int i = 0; i < ChunkShape.Length; i++)
        {
            if (FileShape[i] % ChunkShape[i] != 0)
            {
                throw Damaged(
                    $"chunks of ({string.Join(", ", ChunkShape)}) do not divide shards of ({string.Join(", ", FileShape)}).");
            }
        }

        JsonElement options = configuration!.Value;
        Coding = ReadChain(Required(options, "codecs"));
        ZarrCoding index = ReadChain(Required(options, "index_codecs"), isOfIndex: true);
        if (index.Compressor != ZarrCompressor.None)
        {
            throw Damaged("the index of its shards is compressed, which the format does not allow.");
        }

        bool isAtEnd = Optional(options, "index_location") is not { } location || Text(location, "index_location") switch
        {
            "end" => true,
            "start" => false,
            _ => throw Damaged("the index_location of its shards is neither start nor end."),
        };
        Index = new ZarrIndex(isAtEnd, index.HasChecksum);
    }

    private ZarrCoding ReadChain(JsonElement codecs, bool isOfIndex = false)
    {
        if (!IsArray(codecs))
        {
            throw Damaged("its codecs are no list.");
        }

        var coding = new ZarrCoding(ZarrCompressor.None, HasChecksum: false);
        bool hasBytes = false;
        foreach (JsonElement codec in codecs.EnumerateArray())
        {
            string name = Name(codec, "codec");
            JsonElement? options = Configuration(codec, "codec");
            switch (name)
            {
                case "bytes" when !hasBytes:
                    CheckEndian(options, isOfIndex);
                    hasBytes = true;
                    break;
                case "transpose" when !hasBytes && IsIdentity(options):
                    break;
                case "transpose":
                    throw Refused("its chunks are transposed, and C order can be had: save a contiguous copy");
                case "blosc" when hasBytes && coding.IsPlain:
                    CheckBlosc(options);
                    coding = coding with { Compressor = ZarrCompressor.Blosc };
                    break;
                case "zstd" when hasBytes && coding.IsPlain:
                    coding = coding with { Compressor = ZarrCompressor.Zstd };
                    break;
                case "crc32c" when hasBytes && !coding.HasChecksum:
                    coding = coding with { HasChecksum = true };
                    break;
                case "sharding_indexed":
                    throw Refused("it has shards within shards");
                case "gzip":
                    throw Refused("its chunks are compressed with gzip, of which no part can be read fast. Save it with blosc or zstd");
                case "bytes" or "blosc" or "zstd" or "crc32c":
                    throw Refused($"the codec {name} stands where it is not known here: bytes, then one of blosc and zstd, then crc32c can be had");
                default:
                    throw Refused($"its chunks are encoded with '{Short(name)}'; bytes, blosc, zstd and crc32c can be had");
            }
        }

        return hasBytes ? coding : throw Damaged("its codecs do not say how elements become bytes.");
    }

    private void CheckEndian(JsonElement? options, bool isOfIndex)
    {
        string? endian = options is { } given && Optional(given, "endian") is { } value ? Text(value, "endian") : null;
        if (endian == "big" && (isOfIndex || Element.Bytes > 1))
        {
            throw Refused($"{(isOfIndex ? "the index of its shards" : $"its {Element.Name}")} is big-endian, and only little-endian data can be had");
        }

        bool isNeeded = isOfIndex || !(Element.Bytes == 1 || Element.Name.StartsWith('r'));
        if (endian is not (null or "little" or "big") || (endian is null && isNeeded))
        {
            throw Damaged("its codec bytes says neither little nor big.");
        }
    }

    private void CheckBlosc(JsonElement? options)
    {
        if (options is not { } given || Optional(given, "cname") is not { } cname)
        {
            return;
        }

        // Each chunk says what it is compressed with: this only spares the first fault.
        string name = Text(cname, "cname");
        if (name is not ("lz4" or "lz4hc" or "zstd"))
        {
            throw Refused($"its chunks are compressed with '{Short(name)}' within blosc, where lz4, lz4hc and zstd can be had");
        }
    }

    private bool IsIdentity(JsonElement? options)
    {
        if (options is not { } given || Optional(given, "order") is not { ValueKind: JsonValueKind.Array } order)
        {
            return false;
        }

        int i = 0;
        foreach (JsonElement dimension in order.EnumerateArray())
        {
            if (dimension.ValueKind != JsonValueKind.Number || !dimension.TryGetInt32(out int number) || number != i++)
            {
                return false;
            }
        }

        return i == Shape.Dimensions.Length;
    }

    /// <summary>A row of the array, which the first dimension counts, must lie in one chunk, and in one piece.</summary>
    private void CheckRows()
    {
        for (int i = 1; i < ChunkShape.Length; i++)
        {
            long length = Shape.Dimensions[i];
            if (ChunkShape[i] < length || (i > 1 && ChunkShape[i] != length))
            {
                throw Refused(
                    $"its chunks of ({string.Join(", ", ChunkShape)}) do not hold whole rows of its shape {Shape}. Save it with chunks that do: " +
                    $"({TensorShape.Join(", ", [ChunkShape[0], .. Shape.Dimensions[1..]])})");
            }
        }
    }

    /// <summary>What <see cref="ZarrWriter"/> has written about the rest of the metadata, if it was that.</summary>
    private void CheckSeal(JsonElement attributes)
    {
        if (Optional(attributes, ZarrWriter.AttributeName) is not { ValueKind: JsonValueKind.Object } own
            || Optional(own, ZarrWriter.SealName) is not { } seal)
        {
            return;
        }

        if (seal.ValueKind != JsonValueKind.String || seal.GetString() != Seal)
        {
            throw Damaged(
                $"what it says does not fit its seal (attributes, {ZarrWriter.AttributeName}, {ZarrWriter.SealName}). If it was changed on " +
                "purpose, remove that attribute.");
        }
    }

    private void CheckOptions(JsonElement options, string where, params ReadOnlySpan<string> known)
    {
        foreach (JsonProperty option in options.EnumerateObject())
        {
            if (!known.Contains(option.Name) && !MayBeIgnored(option.Value))
            {
                throw Refused($"its {where} says '{Short(option.Name)}', which is not known here");
            }
        }
    }

    private long[] Numbers(JsonElement list, string what, long min)
    {
        if (!IsArray(list) || list.GetArrayLength() > MaxDimensions)
        {
            throw Damaged($"its {what} is no list of up to {MaxDimensions} numbers.");
        }

        long[] numbers = new long[list.GetArrayLength()];
        int i = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[i]) || numbers[i++] < min)
            {
                throw Damaged($"its {what} has {Short(item)} in it, where a whole number of {min} or more belongs.");
            }
        }

        return numbers;
    }

    /// <summary>The name of an extension: the whole of it, or in an object.</summary>
    private string Name(JsonElement value, string what) =>
        Text(value.ValueKind == JsonValueKind.Object ? Required(value, "name") : value, what);

    private JsonElement? Configuration(JsonElement value, string what)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (property.Name is not ("name" or "configuration" or "must_understand"))
            {
                throw Damaged($"its {what} says '{Short(property.Name)}', beside its name and configuration.");
            }
        }

        return Optional(value, "configuration") is not { } configuration ? null
            : configuration.ValueKind == JsonValueKind.Object ? configuration
            : throw Damaged($"the configuration of its {what} is no object.");
    }

    private string Text(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Damaged($"its {what} is {Short(value)}, where a name belongs.");

    private JsonElement Required(JsonElement of, string name) => Optional(of, name) ?? throw Damaged($"it does not say '{name}'.");

    private InvalidDataException Damaged(string why, Exception? inner = null) =>
        new($"'{_path}' has a damaged {FileName}: {why}", inner);

    private InvalidDataException Refused(string why) => new($"'{_path}' cannot be opened: {why}.");
}
