// The same reads on a MemoryMappedFile, which is what one would otherwise use. It has no budget: the system decides what
// stays in memory, and as long as there is memory, everything does.
using System.IO.MemoryMappedFiles;

namespace QuickStart;

/// <param name="NotRun">Why there are no figures; null when there are.</param>
internal sealed record MappedResult(string? NotRun)
{
    public Phase Load { get; init; }
    public Phase ReadAtRandom { get; init; }
    public Phase ReadInOrder { get; init; }
    public long PeakGrowth { get; init; }
    public (long Minor, long Major)? Faults { get; init; }
}

internal sealed class MappedJob(DataSet data, Workload work, PageChecks checks, Phases phases)
{
    /// <exception cref="DifferenceException">A byte came back different.</exception>
    public MappedResult Run()
    {
        try
        {
            using FileStream file = CreateFile();
            return Run(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A comparison that cannot be made is no failure of the job.
            return new MappedResult($"no file of {Sizes.Format(data.Length)} in {Path.GetTempPath()}: {e.Message}");
        }
    }

    // All the data in one file, as it is in one array. Its room is taken beforehand, since a mapped file that runs out of
    // disk ends the process. It loses its name at once where the system allows that, so that no crash leaves it behind.
    private FileStream CreateFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"quickstart-{Guid.NewGuid():n}");
        FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None,
            PreallocationSize = data.Length,
            BufferSize = 0,
        });
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return file;
    }

    private MappedResult Run(FileStream file)
    {
        MemoryWatch memory = new();
        phases.OnTick = memory.Sample;
        Phase load = Load(file);

        using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(
            file, mapName: null, data.Length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        using MemoryMappedViewAccessor view = mapped.CreateViewAccessor(0, data.Length, MemoryMappedFileAccess.Read);

        Phase readAtRandom = Read("mapped: read at random", view, work.PagesAtRandom);
        Phase readInOrder = Read("mapped: read in order", view, work.PagesInOrder);
        return new MappedResult(NotRun: null)
        {
            Load = load,
            ReadAtRandom = readAtRandom,
            ReadInOrder = readInOrder,
            PeakGrowth = memory.PeakGrowth,
            Faults = memory.Faults,
        };
    }

    private Phase Load(FileStream file) =>
        phases.Run("mapped: write the file", data.Length, (worker, progress) =>
        {
            using DataSet.Reader reader = data.OpenReader();
            byte[] buffer = new byte[work.PageBytes];
            (int first, int end) = work.Share(worker);
            for (int page = first; page < end; page++)
            {
                Span<byte> bytes = buffer.AsSpan(0, work.LengthOf(page));
                reader.Read(work.Start(page), bytes);
                RandomAccess.Write(file.SafeFileHandle, bytes, work.Start(page));
                progress.Advance(worker, bytes.Length);
            }
        });

    private Phase Read(string name, MemoryMappedViewAccessor view, Func<int, IEnumerable<int>> order) =>
        phases.Run(name, work.Passes * data.Length, (worker, progress) =>
        {
            // Safe code sees a mapping through copies. A stream of the thread's own over the one view makes them at the
            // speed of memory; the accessor's own ReadArray goes byte by byte.
            using UnmanagedMemoryStream stream = new(view.SafeMemoryMappedViewHandle, 0, data.Length);
            byte[] buffer = new byte[work.PageBytes];
            foreach (int page in order(worker))
            {
                Span<byte> bytes = buffer.AsSpan(0, work.LengthOf(page));
                stream.Position = work.Start(page);
                stream.ReadExactly(bytes);
                checks.Verify(page, bytes);
                progress.Advance(worker, bytes.Length);
            }
        });
}
