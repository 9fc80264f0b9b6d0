using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>A <see cref="MemoryMappedFile"/>: the kernel's page cache is its memory.</summary>
internal sealed unsafe partial class MappedView : IRowWriter, IRowToucher
{
    private const int AdviseRandom = 1; // MADV_RANDOM
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly string _path;
    private readonly bool _random;
    private readonly byte* _bytes;

    public MappedView(PeerContext context, bool random)
    {
        _random = random;
        _path = context.PathOf("rows.bin");
        context.Once("rows.bin", () => Copy(context.RowFile, _path));
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.ReadWrite);
        _view = _file.CreateViewAccessor(0, context.DataBytes, MemoryMappedFileAccess.ReadWrite);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
        if (random && Advise(_bytes, (nuint)context.DataBytes, AdviseRandom) != 0)
        {
            throw new IOException($"madvise: error {Marshal.GetLastPInvokeError()}");
        }
    }

    public string Settings => _random
        ? "madvise(MADV_RANDOM): no reading around a fault; memory: the page cache of its cgroup"
        : "as .NET maps it: the kernel reads around a fault; memory: the page cache of its cgroup";

    public static void Copy(string from, string to)
    {
        using FileStream file = new(to, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        RowFile.ForEach(from, (_, rows) => file.Write(rows.Span));
        file.Flush(flushToDisk: true);
    }

    public void Read(long row, Span<byte> destination) => Span(row).CopyTo(destination);

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            Span(rows[i]).CopyTo(destination[(i * Row.Bytes)..]);
        }
    }

    public void Write(long row, ReadOnlySpan<byte> contents) => contents.CopyTo(Span(row));

    public long Touch(long row) => Row.Touch(Span(row));

    /// <summary>By reading the file, which fills the page cache many times faster than faults do.</summary>
    public void Warm() => RowFile.ForEach(_path, (_, _) => { });

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private Span<byte> Span(long row) => new(_bytes + (row * Row.Bytes), Row.Bytes);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* address, nuint length, int advice);
}
