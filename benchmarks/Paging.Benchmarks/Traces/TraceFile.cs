using System.Globalization;
using System.IO.Compression;

namespace Paging.Benchmarks.Traces;

/// <summary>A file of page numbers, a decimal one a line, plain or .gz. Lines that are empty or begin with * are skipped: the traces of the
/// LIRS paper have such.</summary>
internal static class TraceFile
{
    private static readonly string[] s_extensions = [".gz", ".txt", ".trc", ".trace"];

    /// <exception cref="InvalidDataException">A line is no page number, or there is none.</exception>
    public static Trace Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        bool isPacked = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
        using Stream bytes = isPacked ? new GZipStream(file, CompressionMode.Decompress) : file;
        using StreamReader lines = new(bytes);
        Trace trace = Trace.From(NameOf(path), Numbers(lines, path));
        return trace.DistinctPages > 0 ? trace : throw new InvalidDataException($"{path} has no page numbers.");
    }

    private static IEnumerable<long> Numbers(StreamReader lines, string path)
    {
        int number = 0;
        while (lines.ReadLine() is string line)
        {
            number++;
            ReadOnlySpan<char> text = line.AsSpan().Trim();
            if (text.IsEmpty || text[0] == '*')
            {
                continue;
            }

            yield return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long page)
                ? page
                : throw new InvalidDataException($"{path}, line {number}: no page number.");
        }
    }

    private static string NameOf(string path)
    {
        string name = Path.GetFileName(path);
        foreach (string extension in s_extensions)
        {
            name = name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? name[..^extension.Length] : name;
        }

        return name;
    }
}
