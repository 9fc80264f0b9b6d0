using System.Globalization;
using System.Runtime.CompilerServices;

namespace Paging.Formats;

/// <summary>What the elements of a .npy file are: its descr.</summary>
internal sealed class NpyElement
{
    private const int MaxBytes = 4 << 20;
    private const int MaxDepth = 16;

    private readonly char _kind;
    private readonly string _text;

    private NpyElement(char kind, int bytes, bool isBigEndian, string text)
    {
        _kind = kind;
        Bytes = bytes;
        IsBigEndian = isBigEndian;
        _text = text;
    }

    /// <summary>The size of an element in bytes: 1 or more.</summary>
    internal int Bytes { get; }

    internal bool IsBigEndian { get; }

    private Type? Match => (_kind, Bytes) switch
    {
        ('b', 1) => typeof(bool),
        ('i', 1) => typeof(sbyte),
        ('i', 2) => typeof(short),
        ('i', 4) => typeof(int),
        ('i', 8) => typeof(long),
        ('u', 1) => typeof(byte),
        ('u', 2) => typeof(ushort),
        ('u', 4) => typeof(uint),
        ('u', 8) => typeof(ulong),
        ('f', 2) => typeof(Half),
        ('f', 4) => typeof(float),
        ('f', 8) => typeof(double),
        _ => null,
    };

    /// <summary>Reads a descr: a string such as '&lt;f4', or a list of fields.</summary>
    /// <exception cref="InvalidDataException">It is none, or one of elements that cannot be mapped.</exception>
    internal static NpyElement Parse(string path, PythonLiteral descr)
    {
        bool isBigEndian = false;
        if (descr.Text is { } text)
        {
            (char kind, int bytes) = ParseSimple(path, text, ref isBigEndian);
            return new NpyElement(kind, bytes, isBigEndian, $"'{text}'");
        }

        long size = SizeOfFields(path, descr, ref isBigEndian, depth: 0);
        return new NpyElement('V', (int)size, isBigEndian, $"records of {size:N0} bytes");
    }

    internal bool Holds<T>()
        where T : unmanaged => Match is { } match ? match == typeof(T) : _kind == 'V' && Bytes == Unsafe.SizeOf<T>();

    internal string Describe() => Match is { } match ? $"{_text} ({match.Name})" : _text;

    /// <summary>What to ask for instead, as the end of a sentence.</summary>
    /// <param name="dataOffset">Where the elements begin in the file.</param>
    internal string Advice(long dataOffset) => Match is { } match ? $": open it as {match.Name}"
        : _kind == 'V' ? $", of another size: open it as a struct of {Bytes:N0} bytes"
        : $": elements of this kind cannot be mapped as what they are; MapFile takes their bytes, from offset {dataOffset:N0} on, as any " +
            $"type of {Bytes:N0} bytes";

    private static (char Kind, int Bytes) ParseSimple(string path, string text, ref bool isBigEndian)
    {
        // Of times the unit stands behind the size, in brackets.
        int end = text.IndexOf('[', StringComparison.Ordinal);
        ReadOnlySpan<char> number = text.AsSpan(Math.Min(2, text.Length), Math.Max(0, (end < 0 ? text.Length : end) - 2));
        if (text.Length < 3 || text[0] is not ('<' or '>' or '|' or '=')
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            if (text is "|O" or "O")
            {
                throw new InvalidDataException($"'{path}' holds Python objects ('|O'), which only Python can read.");
            }

            throw new InvalidDataException($"'{path}' has a damaged .npy header: '{text}' is no type of elements.");
        }

        long bytes = text[1] == 'U' ? 4L * count : count;
        if (bytes is <= 0 or > MaxBytes)
        {
            throw new InvalidDataException(
                $"'{path}' holds '{text}', elements of {bytes:N0} bytes. They must have 1 to {MaxBytes:N0} bytes to be mapped.");
        }

        isBigEndian |= text[0] == '>' && bytes > 1 && text[1] != 'V';
        return (text[1], (int)bytes);
    }

    /// <summary>The size of a record: fields as (name, type) or (name, type, shape), where a type is a string or a list of
    /// fields.</summary>
    private static long SizeOfFields(string path, PythonLiteral fields, ref bool isBigEndian, int depth)
    {
        if (fields.Items is not { Count: > 0 } items || fields.IsTuple || depth > MaxDepth)
        {
            throw new InvalidDataException($"'{path}' has a damaged .npy header: its descr is neither a type nor a list of fields.");
        }

        long size = 0;
        foreach (PythonLiteral field in items)
        {
            if (field.Items is not { Count: 2 or 3 } parts || !field.IsTuple)
            {
                throw new InvalidDataException($"'{path}' has a damaged .npy header: a field of its records has no name and type.");
            }

            long bytes = parts[1].Text is { } simple
                ? ParseSimple(path, simple, ref isBigEndian).Bytes
                : SizeOfFields(path, parts[1], ref isBigEndian, depth + 1);
            size += bytes * (parts.Count == 3 ? CountOf(path, parts[2]) : 1);
            if (size is <= 0 or > MaxBytes)
            {
                throw new InvalidDataException(
                    $"'{path}' holds records of more than {MaxBytes:N0} bytes, or of none, which cannot be mapped.");
            }
        }

        return size;
    }

    /// <summary>The number of elements of a field that is an array.</summary>
    private static long CountOf(string path, PythonLiteral shape)
    {
        IEnumerable<long?> dimensions = shape.Items?.Select(static item => item.Number) ?? [shape.Number];
        long count = 1;
        foreach (long? dimension in dimensions)
        {
            if (dimension is not (> 0 and <= MaxBytes) || (count *= dimension.Value) > MaxBytes)
            {
                throw new InvalidDataException($"'{path}' has a damaged .npy header: a field of its records has no shape that fits.");
            }
        }

        return count;
    }
}
