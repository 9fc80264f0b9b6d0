using System.IO.MemoryMappedFiles;
using Paging.Peers.Data;
using Paging.Peers.Running;

namespace Paging.Peers.Peers;

/// <summary>A <see cref="MemoryMappedFile"/>: the kernel's page cache is its memory.</summary>
internal sealed unsafe class MappedView : NativeRows
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly string _path;
    private readonly bool _random;

    public MappedView(PeerContext context, bool random)
    {
        _random = random;
        _path = context.PathOf("rows.bin");
        context.Once("rows.bin", () => Copy(context.RowFile, _path));
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.ReadWrite);
        _view = _file.CreateViewAccessor(0, context.DataBytes, MemoryMappedFileAccess.ReadWrite);
        byte* bytes = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref bytes);
        Bytes = bytes;
        if (random)
        {
            Advice.Give(bytes, (nuint)context.DataBytes, Advice.Random);
        }
    }

    public override string Settings => _random
        ? "madvise(MADV_RANDOM): no reading around a fault, MADV_WILLNEED for the rows of a batch and for assets ahead; "
            + "memory: the page cache of its cgroup"
        : "as .NET maps it: the kernel reads around a fault, MADV_WILLNEED for assets ahead; memory: the page cache of its cgroup";

    /// <summary>With MADV_RANDOM a fault reads one page, and the next waits for it: told of all of them first, the kernel reads them side by
    /// side.</summary>
    public override void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        foreach (long row in _random ? rows : [])
        {
            Ahead(row, 1);
        }

        base.Gather(rows, destination);
    }

    public static void Copy(string from, string to)
    {
        using FileStream file = new(to, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        RowFile.ForEach(from, (_, rows) => file.Write(rows.Span));
        file.Flush(flushToDisk: true);
    }

    /// <summary>By reading the file, which fills the page cache many times faster than faults do.</summary>
    public override void Warm() => RowFile.ForEach(_path, (_, _) => { });

    public override void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
