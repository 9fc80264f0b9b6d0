using System.Text.Json;

namespace Paging.Formats;

/// <summary>What is looked up in the JSON of metadata, whoever wrote it.</summary>
internal static class ZarrJson
{
    /// <summary>The deepest nesting that is read.</summary>
    internal const int MaxDepth = 64;

    /// <summary>Reads a document, with or without a mark of the byte order before it, which some editors leave.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    internal static JsonDocument Parse(ReadOnlyMemory<byte> json, bool allowDuplicates)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        return JsonDocument.Parse(
            json.Span.StartsWith(mark) ? json[mark.Length..] : json,
            new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = allowDuplicates });
    }

    /// <summary>Whether a file says that it is the metadata of an array.</summary>
    /// <param name="path">The file, which is there.</param>
    internal static bool IsArray(string path)
    {
        if (new FileInfo(path).Length > ZarrMetadata.MaxBytes)
        {
            return false;
        }

        try
        {
            using JsonDocument document = Parse(File.ReadAllBytes(path), allowDuplicates: true);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && Optional(document.RootElement, "node_type") is { ValueKind: JsonValueKind.String } kind && kind.ValueEquals("array");
        }
        catch (JsonException)
        {
            return false;
        }
    }

    internal static JsonElement? Optional(JsonElement of, string name) => of.TryGetProperty(name, out JsonElement value) ? value : null;

    internal static bool IsArray(JsonElement value) => value.ValueKind == JsonValueKind.Array;

    internal static bool MayBeIgnored(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && Optional(value, "must_understand") is { ValueKind: JsonValueKind.False };

    internal static string Short(JsonElement value) => Short(value.GetRawText());

    /// <summary>As much of a text as fits a message.</summary>
    internal static string Short(string text) => text.Length <= 40 ? text : $"{text[..40]}…";
}
