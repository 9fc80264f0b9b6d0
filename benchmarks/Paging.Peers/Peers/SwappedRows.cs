using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Running;

namespace Paging.Peers.Peers;

/// <summary>Plain memory of the process, more than its cgroup may hold: the kernel swaps, here to zram.</summary>
internal sealed unsafe class SwappedRows : NativeRows
{
    private readonly void* _memory;

    public SwappedRows(PeerContext context)
    {
        _memory = NativeMemory.AlignedAlloc((nuint)context.DataBytes, (nuint)Environment.SystemPageSize);
        Bytes = (byte*)_memory;

        // A row that is wanted brings in a page, not five hundred.
        Advice.Give(_memory, (nuint)context.DataBytes, Advice.NoHugePages);
        RowFile.ForEach(context.RowFile, (first, rows) => rows.Span.CopyTo(Span(first, rows.Length / Row.Bytes)));
    }

    public override string Settings =>
        "memory of the process, MADV_NOHUGEPAGE, MADV_WILLNEED for assets ahead, swappiness 100; "
        + "its cgroup has what zram does not take of its memory";

    /// <summary>What is in memory is what the kernel left there; reading at random does the rest.</summary>
    public override void Warm()
    {
    }

    public override void Dispose() => NativeMemory.AlignedFree(_memory);
}
