using System.IO.Hashing;
using System.Runtime.InteropServices;
using K4os.Compression.LZ4;

namespace Paging.Benchmarks;

/// <summary>Files that make one line of a table: a file named by itself, or those in one folder.</summary>
internal sealed record FileGroup(string Name, IReadOnlyList<string> Files)
{
    /// <summary>Groups of the files and folders, the latter with all below them; the shared framework's own files by default.</summary>
    /// <param name="each">Every file is a group of its own.</param>
    public static IReadOnlyList<FileGroup> Find(IReadOnlyList<string> paths, bool each)
    {
        if (paths.Count == 0)
        {
            string folder = RuntimeEnvironment.GetRuntimeDirectory();
            return Split([new FileGroup("shared framework", FilesIn(folder, SearchOption.TopDirectoryOnly))], each);
        }

        List<FileGroup> groups = [];
        foreach (string path in paths)
        {
            if (File.Exists(path))
            {
                groups.Add(new FileGroup(Path.GetFileName(path), [path]));
            }
            else if (Directory.Exists(path))
            {
                groups.AddRange(FilesIn(path, SearchOption.AllDirectories)
                    .GroupBy(file => Path.GetDirectoryName(file)!)
                    .Select(folder => new FileGroup(Path.GetFileName(folder.Key), [.. folder])));
            }
            else
            {
                throw new ArgumentException($"{path}: no such file or folder.");
            }
        }

        return groups.Count > 0 ? Split(groups, each) : throw new ArgumentException("No files in the folders given.");
    }

    private static IReadOnlyList<FileGroup> Split(IReadOnlyList<FileGroup> groups, bool each) =>
        each ? [.. groups.SelectMany(g => g.Files).Select(file => new FileGroup(Path.GetFileName(file), [file]))] : groups;

    private static List<string> FilesIn(string folder, SearchOption depth) =>
        [.. Directory.EnumerateFiles(folder, "*", depth).Order(StringComparer.Ordinal)];

    /// <summary>The files' bytes end to end, as a program that loads them into one array would have them.</summary>
    public byte[] Read(long limit)
    {
        using MemoryStream bytes = new();
        foreach (string file in Files.TakeWhile(_ => bytes.Length < limit))
        {
            try
            {
                using FileStream stream = File.OpenRead(file);
                stream.CopyTo(bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"left out: {e.Message}");
            }
        }

        return bytes.Length <= limit ? bytes.ToArray() : bytes.GetBuffer().AsSpan(0, (int)limit).ToArray();
    }
}

/// <summary>Which pages of the input a workload runs on. Same-filled pages are in none: they cost nothing and would flatter.</summary>
internal enum PageKind
{
    /// <summary>LZ4 brings them to 15/16 of their size or less.</summary>
    Compressible,

    /// <summary>It does not.</summary>
    Incompressible,

    /// <summary>Both.</summary>
    All,
}

/// <summary>Pages of real data in native memory.</summary>
internal sealed unsafe class PageSet : IDisposable
{
    private const int LongestPattern = 16;
    private const long FewestPages = 256; // four times the fewest frames

    private readonly NativeBuffer _buffer;

    private PageSet(byte[] input, List<int> chosen, int pageBytes, long dataBytes)
    {
        PageBytes = pageBytes;
        Count = (int)(dataBytes / pageBytes);
        DistinctCount = Math.Min(chosen.Count, Count);
        _buffer = new NativeBuffer((long)Count * pageBytes);
        EncodedLengths = new int[Count];
        byte[] scratch = new byte[LZ4Codec.MaximumOutputSize(pageBytes)];
        for (int i = 0; i < Count; i++)
        {
            input.AsSpan(chosen[i % chosen.Count], pageBytes).CopyTo(Bytes(i));
            Longs(i)[0] ^= i / chosen.Count; // a repetition is another page
            EncodedLengths[i] = Math.Min(LZ4Codec.Encode(Bytes(i), scratch), pageBytes);
        }
    }

    public int PageBytes { get; }

    public int Count { get; }

    /// <summary>The pages before repetition.</summary>
    public int DistinctCount { get; }

    public long TotalBytes => _buffer.Length;

    /// <summary>Of each page by LZ4 alone, at most the page.</summary>
    public int[] EncodedLengths { get; }

    public long EncodedBytes => EncodedLengths.Sum(length => (long)length);

    public string Note =>
        $"ratio {TotalBytes / (double)EncodedBytes:0.00}" +
        (DistinctCount * 8 < Count ? $" from {DistinctCount} pages repeated" : string.Empty);

    /// <returns>Null, and a line about it, when the group has no such page.</returns>
    public static PageSet? From(FileGroup group, int pageBytes, PageKind kind, long dataBytes)
    {
        byte[] input = group.Read(dataBytes);
        byte[] scratch = new byte[LZ4Codec.MaximumOutputSize(pageBytes)];
        List<int> chosen = [];
        for (int offset = 0; offset + pageBytes <= input.Length; offset += pageBytes)
        {
            if (IsOfKind(input.AsSpan(offset, pageBytes), scratch, kind))
            {
                chosen.Add(offset);
            }
        }

        if (chosen.Count == 0)
        {
            Console.WriteLine($"  {group.Name} has no page of {Report.Size(pageBytes)} of the kind {kind}");
            return null;
        }

        return new PageSet(input, chosen, pageBytes, Math.Max(dataBytes, FewestPages * pageBytes));
    }

    public static PageSet Random(int pageBytes, long dataBytes, int seed)
    {
        byte[] input = new byte[Math.Max(dataBytes, FewestPages * pageBytes)];
        new Random(seed).NextBytes(input);
        return new PageSet(input, [.. Enumerable.Range(0, input.Length / pageBytes).Select(i => i * pageBytes)], pageBytes, input.Length);
    }

    public byte* Pointer(int page) => _buffer.Pointer + ((long)page * PageBytes);

    public Span<byte> Bytes(int page) => _buffer.Span<byte>((long)page * PageBytes, PageBytes);

    public Span<long> Longs(int page) => _buffer.Span<long>((long)page * PageBytes, PageBytes / sizeof(long));

    /// <exception cref="DataMismatchException">The bytes are not those of the page.</exception>
    public void Verify(int page, ReadOnlySpan<byte> read, string who)
    {
        if (XxHash3.HashToUInt64(read) != XxHash3.HashToUInt64(Bytes(page)))
        {
            throw new DataMismatchException($"Page {page} ({PageBytes} bytes) came back different from {who}.");
        }
    }

    public void Dispose() => _buffer.Dispose();

    private static bool IsOfKind(ReadOnlySpan<byte> page, byte[] scratch, PageKind kind)
    {
        if (page[LongestPattern..].SequenceEqual(page[..^LongestPattern]))
        {
            return false; // the same 1 to 16 bytes over and over
        }

        bool compresses = LZ4Codec.Encode(page, scratch) <= page.Length / 16 * 15;
        return kind == PageKind.All || compresses == (kind == PageKind.Compressible);
    }
}
