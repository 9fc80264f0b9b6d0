using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>A <see cref="MemoryMappedFile"/>: the kernel's page cache is its memory.</summary>
internal sealed unsafe partial class MappedView : IRowWriter, IRowToucher, IAssetReader
{
    private const int AdviseRandom = 1; // MADV_RANDOM
    private const int AdviseWillNeed = 3; // MADV_WILLNEED
    private readonly byte[] _isThere = new byte[Asset.MostRows * Row.Bytes / Environment.SystemPageSize + 2];
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
        ? "madvise(MADV_RANDOM): no reading around a fault, MADV_WILLNEED for assets ahead; memory: the page cache of its cgroup"
        : "as .NET maps it: the kernel reads around a fault, MADV_WILLNEED for assets ahead; memory: the page cache of its cgroup";

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

    public void ReadRun(long first, int rows, Span<byte> destination) => Span(first, rows).CopyTo(destination);

    /// <summary>What the page cache holds now; it may lose it before it is copied, which then waits.</summary>
    public bool TryReadRun(long first, int rows, Span<byte> destination)
    {
        nint start = PageOf(first, rows, out nuint length);
        if (IsInCore((void*)start, length, ref _isThere[0]) != 0)
        {
            throw new IOException($"mincore: error {Marshal.GetLastPInvokeError()}");
        }

        foreach (byte page in _isThere.AsSpan(0, (int)(length / (nuint)Environment.SystemPageSize)))
        {
            if ((page & 1) == 0)
            {
                return false;
            }
        }

        ReadRun(first, rows, destination);
        return true;
    }

    public void Ahead(long first, int rows)
    {
        nint start = PageOf(first, rows, out nuint length);
        if (Advise((void*)start, length, AdviseWillNeed) != 0)
        {
            throw new IOException($"madvise: error {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>By reading the file, which fills the page cache many times faster than faults do.</summary>
    public void Warm() => RowFile.ForEach(_path, (_, _) => { });

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private Span<byte> Span(long row, int rows = 1) => new(_bytes + (row * Row.Bytes), rows * Row.Bytes);

    /// <summary>The pages that the rows touch.</summary>
    private nint PageOf(long first, int rows, out nuint length)
    {
        nint page = Environment.SystemPageSize;
        nint start = (nint)(_bytes + (first * Row.Bytes)) & -page;
        length = (nuint)(((nint)(_bytes + ((first + rows) * Row.Bytes)) - start + page - 1) & -page);
        return start;
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static partial int IsInCore(void* address, nuint length, ref byte pages);
}
