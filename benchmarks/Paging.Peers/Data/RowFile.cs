using System.IO.Hashing;
using System.Runtime.InteropServices;
using K4os.Compression.LZ4;

namespace Paging.Peers.Data;

/// <summary>The rows that everyone is loaded with, as a file: real data, cut into rows, over and over.</summary>
internal static class RowFile
{
    private const int RowsAtOnce = 256;
    private const int MostSamples = 4096;

    /// <summary>Writes the file, unless it is there already with that length and of that source.</summary>
    /// <param name="progress">Gets the share that is done.</param>
    /// <returns>What LZ4 makes of the rows, one by one: their bytes over its.</returns>
    /// <exception cref="ArgumentException">The source has no data.</exception>
    public static double Prepare(string path, long rows, string? source, Action<double> progress)
    {
        string note = path + ".txt";
        string made = $"{rows} {Describe(source)}";
        if (!File.Exists(note) || File.ReadAllText(note) != made || new FileInfo(path).Length != rows * Row.Bytes)
        {
            File.Delete(note);
            foreach (string mark in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, "*.complete", SearchOption.AllDirectories))
            {
                File.Delete(mark); // made of other rows
            }

            Write(path, rows, source, progress);
            File.WriteAllText(note, made);
        }

        return Ratio(path, rows);
    }

    /// <summary>Hands out the rows of the file in order, up to 256 at a time.</summary>
    public static void ForEach(string path, Action<long, ReadOnlyMemory<byte>> use)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] buffer = new byte[RowsAtOnce * Row.Bytes];
        for (long row = 0; ;)
        {
            int read = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (read == 0)
            {
                return;
            }

            use(row, buffer.AsMemory(0, read));
            row += read / Row.Bytes;
        }
    }

    private static void Write(string path, long rows, string? source, Action<double> progress)
    {
        byte[] input = ReadSource(source, rows * Row.Bytes);
        List<int> offsets = [];
        for (int at = 0; at + Row.Bytes <= input.Length; at += Row.Bytes)
        {
            if (!IsOneByteOver(input.AsSpan(at, Row.Bytes)))
            {
                offsets.Add(at);
            }
        }

        if (offsets.Count == 0)
        {
            throw new ArgumentException($"{source}: no 4 KiB of data in it that is not one byte over and over.");
        }

        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
        byte[] row = new byte[Row.Bytes];
        for (long i = 0; i < rows; i++)
        {
            input.AsSpan(offsets[(int)(i % offsets.Count)], Row.Bytes).CopyTo(row);
            Row.Stamp(row, i, version: 0);
            file.Write(row);
            if (i % 4096 == 0)
            {
                progress((double)i / rows);
            }
        }

        file.Flush(flushToDisk: true);
    }

    /// <summary>Rows of zeroes, say, cost this library nothing, and would flatter it.</summary>
    private static bool IsOneByteOver(ReadOnlySpan<byte> row) => !row.ContainsAnyExcept(row[0]);

    private static IOrderedEnumerable<string> Files(string? source) => (source is null
        ? Directory.EnumerateFiles(RuntimeEnvironment.GetRuntimeDirectory())
        : File.Exists(source) ? [source]
        : Directory.Exists(source) ? Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories)
        : throw new ArgumentException($"{source}: no such file or folder.")).Order(StringComparer.Ordinal);

    /// <summary>What tells that its data is still the same.</summary>
    private static string Describe(string? source)
    {
        XxHash3 hash = new();
        foreach (FileInfo file in Files(source).Select(f => new FileInfo(f)))
        {
            hash.Append(MemoryMarshal.AsBytes(file.FullName.AsSpan()));
            hash.Append(MemoryMarshal.AsBytes<long>([file.Length, file.LastWriteTimeUtc.Ticks]));
        }

        return $"{source} {hash.GetCurrentHashAsUInt64():x16}";
    }

    private static byte[] ReadSource(string? source, long limit)
    {
        limit = Math.Min(limit, Array.MaxLength / 2);
        using MemoryStream bytes = new();
        foreach (string file in Files(source).TakeWhile(_ => bytes.Length < limit))
        {
            using FileStream stream = File.OpenRead(file);
            CopyTo(bytes, stream, limit - bytes.Length);
        }

        return bytes.ToArray();
    }

    private static void CopyTo(Stream to, Stream from, long most)
    {
        byte[] buffer = new byte[1 << 20];
        while (most > 0 && from.Read(buffer, 0, (int)Math.Min(buffer.Length, most)) is > 0 and var read)
        {
            to.Write(buffer, 0, read);
            most -= read;
        }
    }

    private static double Ratio(string path, long rows)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] row = new byte[Row.Bytes];
        byte[] encoded = new byte[LZ4Codec.MaximumOutputSize(Row.Bytes)];
        long samples = 0;
        long bytes = 0;
        long step = (rows / MostSamples) | 1; // of all of them; an odd one, since what is repeated may have an even number of rows
        for (long i = 0; i < rows; i += step)
        {
            file.Position = i * Row.Bytes;
            file.ReadExactly(row);
            bytes += Math.Min(LZ4Codec.Encode(row, encoded), Row.Bytes);
            samples++;
        }

        return samples * (double)Row.Bytes / bytes;
    }
}
