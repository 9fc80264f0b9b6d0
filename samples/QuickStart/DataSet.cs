// The files, laid one behind the other in one space of bytes. Nothing here is specific to paging.
using System.IO.Enumeration;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace QuickStart;

/// <summary>A file and where its first byte stands among all bytes.</summary>
internal readonly record struct DataFile(string Path, long Start, long Length);

/// <summary>An immutable list of non-empty files; any thread may use it, each with a <see cref="Reader"/> of its own.</summary>
internal sealed class DataSet
{
    private readonly List<DataFile> _files = [];

    private DataSet(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            Add(path);
    }

    public long Length { get; private set; }
    public int FileCount => _files.Count;

    /// <exception cref="InputException">A path is missing or unreadable, or there is nothing to read.</exception>
    public static DataSet Open(IReadOnlyList<string> paths)
    {
        // Where typeof(object) was loaded from, or the program's own folder when everything is in a single file.
        if (paths.Count == 0)
            paths = [RuntimeEnvironment.GetRuntimeDirectory()];

        DataSet data = new(paths.SelectMany(FilesUnder));
        if (data.Length == 0)
            throw new InputException($"there is nothing to read in {string.Join(", ", paths)}: no file, or only empty ones");
        return data;
    }

    /// <summary>The file that the byte at <paramref name="position"/> comes from.</summary>
    public DataFile FileAt(long position) => _files[IndexAt(position)];

    public Reader OpenReader() => new(this);

    private void Add(string path)
    {
        try
        {
            // Pipes and devices have no length, and opening them could block: they count as empty.
            FileInfo info = new(path);
            long length = info.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : info.Length;
            if (length == 0)
                return;

            // Opened once now, so that an unreadable file is reported before any work is done.
            OpenFile(path).Dispose();
            _files.Add(new DataFile(path, Length, length));
            Length += length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static IEnumerable<string> FilesUnder(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? [path] : throw new InputException($"no such file or folder: '{path}'");

        try
        {
            // Links to folders are not followed, since they may form a loop; links that lead nowhere are no data.
            // Sorted, because the order in which a file system lists names is its own, and a run should be repeatable.
            string[] files = [.. new FileSystemEnumerable<string>(
                path,
                (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(),
                new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
            {
                ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsLink(ref entry),
                ShouldIncludePredicate = (ref FileSystemEntry entry) =>
                    !entry.IsDirectory && (!IsLink(ref entry) || LeadsToFile(entry.ToFullPath())),
            }];
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static bool IsLink(ref FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    private static bool LeadsToFile(string link) =>
        File.ResolveLinkTarget(link, returnFinalTarget: true) is FileInfo { Exists: true };

    private static SafeFileHandle OpenFile(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private static InputException Unreadable(string path, Exception e) => new(
        e switch
        {
            // The message names what was refused, which inside a folder is more than the path that was asked for.
            UnauthorizedAccessException => $"cannot read '{path}': {e.Message}",
            FileNotFoundException or DirectoryNotFoundException => $"no such file or folder: '{path}'",
            _ => $"cannot read '{path}': {e.Message}",
        },
        e);

    private int IndexAt(long position)
    {
        int low = 0;
        for (int high = _files.Count - 1; low < high;)
        {
            int middle = (low + high + 1) / 2;
            if (_files[middle].Start <= position)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <summary>Reads any range of the data. Keeps the last file open, so reading onwards opens each file once.
    /// One thread at a time.</summary>
    public sealed class Reader(DataSet data) : IDisposable
    {
        private SafeFileHandle? _handle;
        private int _index = -1;

        public void Read(long position, Span<byte> destination)
        {
            while (destination.Length > 0)
            {
                int index = data.IndexAt(position);
                DataFile file = data._files[index];
                long offset = position - file.Start;
                int wanted = (int)Math.Min(destination.Length, file.Length - offset);

                int read = ReadFrom(index, offset, destination[..wanted]);
                position += read;
                destination = destination[read..];
            }
        }

        public void Dispose() => _handle?.Dispose();

        private int ReadFrom(int index, long offset, Span<byte> destination)
        {
            string path = data._files[index].Path;
            try
            {
                if (index != _index)
                {
                    _handle?.Dispose();
                    _handle = OpenFile(path);
                    _index = index;
                }

                int read = RandomAccess.Read(_handle!, destination, offset);
                return read > 0 ? read : throw new InputException($"'{path}' became shorter while it was being read");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, e);
            }
        }
    }
}
