using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Running;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>Rows that lie in a row in the process's own address space, where the kernel brings each page in and takes it away.</summary>
internal abstract unsafe partial class NativeRows : IRowWriter, IRowToucher, IAssetReader
{
    private readonly byte[] _isThere = new byte[Asset.MostRows * Row.Bytes / Environment.SystemPageSize + 2];

    public abstract string Settings { get; }

    /// <summary>The first row's first byte.</summary>
    protected byte* Bytes { get; set; }

    public void Read(long row, Span<byte> destination) => Span(row).CopyTo(destination);

    public virtual void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            Span(rows[i]).CopyTo(destination[(i * Row.Bytes)..]);
        }
    }

    public void Write(long row, ReadOnlySpan<byte> contents) => contents.CopyTo(Span(row));

    public long Touch(long row) => Row.Touch(Span(row));

    public void ReadRun(long first, int rows, Span<byte> destination) => Span(first, rows).CopyTo(destination);

    /// <summary>What is in memory now; the kernel may take it away before it is copied, which then waits.</summary>
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
        Advice.Give((void*)start, length, Advice.WillNeed);
    }

    public abstract void Warm();

    public abstract void Dispose();

    protected Span<byte> Span(long row, int rows = 1) => new(Bytes + (row * Row.Bytes), rows * Row.Bytes);

    /// <summary>The pages that the rows touch.</summary>
    private nint PageOf(long first, int rows, out nuint length)
    {
        nint page = Environment.SystemPageSize;
        nint start = (nint)(Bytes + (first * Row.Bytes)) & -page;
        length = (nuint)(((nint)(Bytes + ((first + rows) * Row.Bytes)) - start + page - 1) & -page);
        return start;
    }

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static partial int IsInCore(void* address, nuint length, ref byte pages);
}
