using System.Buffers.Text;

namespace Paging.Memory;

/// <summary>Reads the contents of the files in which Linux tells of memory. What is not as it should be is as if it were not there.</summary>
internal static class MemoryFiles
{
    /// <summary>No more of a file is looked at.</summary>
    internal const int MaxBytes = 16 << 10;

    /// <summary>Limits from here on say that there is none: version 1 of cgroups has the largest number of whole pages.</summary>
    private const long NoLimit = 1L << 60;

    /// <summary>A number by itself; <see cref="long.MaxValue"/> for "max", and for limits so large that they mean none.</summary>
    /// <returns>Null when it is neither.</returns>
    internal static long? Number(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t\r\n\0"u8);
        return text.SequenceEqual("max"u8) ? long.MaxValue
            : !TryParse(text, out long value) ? null
            : value >= NoLimit ? long.MaxValue : value;
    }

    /// <summary>The number behind a key, which stands at the beginning of a line; in bytes if "kB" follows.</summary>
    internal static long? Field(ReadOnlySpan<byte> text, ReadOnlySpan<byte> key)
    {
        foreach (Range range in text.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[range];
            if (line.Length <= key.Length || !line.StartsWith(key) || line[key.Length] is not ((byte)' ' or (byte)':' or (byte)'\t'))
            {
                continue;
            }

            ReadOnlySpan<byte> rest = line[(key.Length + 1)..].Trim(" \t\r:"u8);
            bool isKibi = rest.EndsWith(" kB"u8);
            rest = isKibi ? rest[..^3].Trim((byte)' ') : rest;
            return !TryParse(rest, out long value) || (isKibi && value > long.MaxValue >> 10) ? null : isKibi ? value << 10 : value;
        }

        return null;
    }

    /// <summary>The "some avg10" of a file of pressure stall information, in hundredths: 0 to 100.</summary>
    internal static double? Pressure(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> key = "some avg10="u8;
        foreach (Range range in text.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[range];
            if (line.StartsWith(key)
                && Utf8Parser.TryParse(line[key.Length..], out double value, out int used)
                && (key.Length + used == line.Length || line[key.Length + used] == ' ')
                && value is >= 0 and <= 100)
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>The path of the process's own cgroup, from /proc/self/cgroup.</summary>
    /// <param name="text">The file.</param>
    /// <param name="controller">"memory" for version 1, null for version 2.</param>
    internal static string? Cgroup(ReadOnlySpan<byte> text, string? controller)
    {
        foreach (Range range in text.Split((byte)'\n'))
        {
            string[] parts = System.Text.Encoding.UTF8.GetString(text[range]).Split(':', 3);
            bool isIt = parts.Length == 3
                && (controller is null ? parts[0] == "0" && parts[1].Length == 0 : Array.IndexOf(parts[1].Split(','), controller) >= 0);
            if (isIt && parts[2].StartsWith('/') && !Array.Exists(parts[2].Split('/'), static part => part is ".." or "."))
            {
                return parts[2].TrimEnd('/');
            }
        }

        return null;
    }

    private static bool TryParse(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out int used) && used == text.Length && value >= 0;
}
