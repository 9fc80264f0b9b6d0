using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Paging.Formats;

/// <summary>The header of a safetensors file: which tensors it holds, and where.</summary>
/// <remarks>Eight bytes say how long the header is, which is a JSON object; the data of the tensors follows, without holes. Nothing in it
/// is trusted: it is bounded by the format's own limit and by the length of the file before memory is taken for it, and what it promises is
/// compared with the length of the file.</remarks>
internal static class SafetensorsHeader
{
    /// <summary>The longest header: the limit of the format.</summary>
    internal const long MaxHeaderBytes = 100_000_000;

    private const int PrefixBytes = sizeof(ulong);
    private const int MaxDepth = 8;
    private const int MaxDimensions = 64;
    private const string Metadata = "__metadata__";

    /// <summary>Reads the header of a file.</summary>
    /// <param name="path">Named in exceptions.</param>
    /// <param name="fileBytes">The length of the file.</param>
    /// <param name="read">Reads from it.</param>
    /// <returns>The tensors in the order in which they lie in the file.</returns>
    /// <exception cref="InvalidDataException">It is no such file, or is damaged or truncated; the message says where.</exception>
    internal static SafetensorsEntry[] Read(string path, long fileBytes, FileReader read)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        if (fileBytes < PrefixBytes)
        {
            throw new InvalidDataException(
                $"'{path}' is no safetensors file: it has {fileBytes:N0} bytes, and the length of its header takes 8.");
        }

        read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes)
        {
            throw new InvalidDataException(
                $"'{path}' is no safetensors file: its header would have {length:N0} bytes, and {MaxHeaderBytes:N0} are the most there " +
                "can be.");
        }

        if ((long)length > fileBytes - PrefixBytes)
        {
            throw new InvalidDataException(
                $"'{path}' is truncated, or no safetensors file: its header should have {length:N0} bytes, and the file has " +
                $"{fileBytes - PrefixBytes:N0} behind their length.");
        }

        byte[] header = new byte[length];
        read(PrefixBytes, header);
        try
        {
            List<SafetensorsEntry> entries = Parse(header, PrefixBytes + (long)length);
            CheckPlaces(entries, PrefixBytes + (long)length, fileBytes);
            return [.. entries];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // Strings that are no UTF-8 are invalid operations to the reader.
            throw new InvalidDataException($"'{path}' has a damaged safetensors header: {e.Message}", e);
        }
    }

    private static List<SafetensorsEntry> Parse(byte[] header, long dataOffset)
    {
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = MaxDepth });
        Take(ref reader, JsonTokenType.StartObject);
        while (NextKey(ref reader) is { } name)
        {
            if (!names.Add(name))
            {
                throw new FormatException($"the tensor '{name}' is there twice.");
            }

            if (name == Metadata)
            {
                SkipMetadata(ref reader);
            }
            else
            {
                entries.Add(ParseEntry(ref reader, name, dataOffset));
            }
        }

        // Behind the object there is white space only, by which writers align the data: the reader throws at anything else.
        return !reader.Read() ? entries : throw new FormatException("something follows its object.");
    }

    private static SafetensorsEntry ParseEntry(ref Utf8JsonReader reader, string name, long dataOffset)
    {
        string? type = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Take(ref reader, JsonTokenType.StartObject);
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "dtype" when type is null:
                    Take(ref reader, JsonTokenType.String);
                    type = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ParseNumbers(ref reader, name);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ParseNumbers(ref reader, name);
                    break;
                default:
                    throw new FormatException($"tensor '{name}' says '{key}', which is unknown, or there twice.");
            }
        }

        if (type is null || shape is null || offsets is not [long begin, long end])
        {
            throw new FormatException($"tensor '{name}' must say dtype, shape and two data_offsets.");
        }

        if (begin > end || end > long.MaxValue - dataOffset)
        {
            throw new FormatException($"tensor '{name}' lies from {begin:N0} to {end:N0}, which is no range.");
        }

        int elementBytes = SafetensorsElement.BytesOf(type);
        TensorShape checkedShape = TensorShape.TryMake(CollectionsMarshal.AsSpan(shape), Math.Max(1, elementBytes))
            ?? throw new FormatException(
                $"tensor '{name}' has the shape ({string.Join(", ", shape)}), which is more than a file can hold.");
        if (elementBytes != 0 && checkedShape.Elements * elementBytes != end - begin)
        {
            throw new FormatException(
                $"tensor '{name}', {type} in the shape {checkedShape}, takes {checkedShape.Elements * elementBytes:N0} bytes, and lies " +
                $"from {begin:N0} to {end:N0}, which are {end - begin:N0}.");
        }

        return new SafetensorsEntry(name, type, checkedShape, dataOffset + begin, end - begin);
    }

    private static List<long> ParseNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = new List<long>();
        Take(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number
                || !reader.TryGetInt64(out long number)
                || number < 0
                || numbers.Count == MaxDimensions)
            {
                throw new FormatException(
                    $"tensor '{name}' has a shape or data_offsets that are no list of {MaxDimensions} numbers of 0 or more at most.");
            }

            numbers.Add(number);
        }

        return numbers;
    }

    private static void SkipMetadata(ref Utf8JsonReader reader)
    {
        Take(ref reader, JsonTokenType.StartObject);
        while (NextKey(ref reader) is not null)
        {
            Take(ref reader, JsonTokenType.String);
        }
    }

    /// <summary>Sorts the tensors by where they lie, and checks that they fill the file, without holes and without overlapping.</summary>
    private static void CheckPlaces(List<SafetensorsEntry> entries, long dataOffset, long fileBytes)
    {
        entries.Sort(static (one, other) => (one.Offset, one.Offset + one.Bytes).CompareTo((other.Offset, other.Offset + other.Bytes)));
        long at = dataOffset;
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Offset != at)
            {
                throw new FormatException(
                    $"tensor '{entry.Name}' begins at {entry.Offset - dataOffset:N0}, and what is before it ends at " +
                    $"{at - dataOffset:N0}: {(entry.Offset > at ? "there is a hole" : "they overlap")}.");
            }

            at += entry.Bytes;
        }

        if (at != fileBytes)
        {
            throw new FormatException(
                $"its tensors take {at - dataOffset:N0} bytes, and the file has {fileBytes - dataOffset:N0} for them: it is " +
                $"{(at > fileBytes ? "truncated" : "longer than they are")}.");
        }
    }

    /// <summary>The next key of an object; null at its end.</summary>
    private static string? NextKey(ref Utf8JsonReader reader) =>
        Next(ref reader) == JsonTokenType.EndObject ? null : reader.GetString();

    private static JsonTokenType Next(ref Utf8JsonReader reader) =>
        reader.Read() ? reader.TokenType : throw new FormatException("it ends too early.");

    private static void Take(ref Utf8JsonReader reader, JsonTokenType wanted)
    {
        if (Next(ref reader) != wanted)
        {
            throw new FormatException($"{wanted} is expected at byte {reader.TokenStartIndex:N0}, and {reader.TokenType} is there.");
        }
    }
}
